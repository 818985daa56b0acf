// The manifest's chunk table by itself (docs/PROTOCOL.md 1.1, from byte 96): what an import hands to whoever
// builds the manifest.
#pragma once
#include "core/manifest.h"
#include <cstdint>
#include <span>
#include <vector>

namespace volley {

std::vector<std::uint8_t> writeChunkTable(std::span<const ManifestChunk> chunks);
// Throws ManifestError where the bytes are not whole entries or name an unknown encoding.
std::vector<ManifestChunk> readChunkTable(std::span<const std::uint8_t> table);

} // namespace volley
