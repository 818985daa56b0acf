// The manifest file (docs/PROTOCOL.md 1.1): parsing, building, and its own consistency. The signature is made and
// checked by the caller (TypeScript, node:crypto); this code only says which bytes it covers.
#pragma once
#include "core/blake3.h"
#include "core/layout.h"
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace volley {

struct ManifestError : std::runtime_error {
  using std::runtime_error::runtime_error; // what() is a sentence for people
};

struct ManifestChunk {
  blake3::Hash chainingValue;
  std::uint32_t storedBytes;
  Encoding encoding;
};

struct Manifest {
  static constexpr std::size_t headerBytes = 96;
  static constexpr std::size_t chunkEntryBytes = 40;
  static constexpr std::size_t signatureBytes = 64;

  blake3::Hash root{};
  std::uint64_t imageBytes = 0;
  std::uint64_t contentBytes = 0;
  std::uint64_t smallestDiskBytes = 0;
  std::uint32_t sectorBytes = 512;
  std::uint32_t firmware = 0; // bit 0 BIOS, bit 1 UEFI
  std::vector<ManifestChunk> chunks;

  std::uint32_t chunkBytes(std::uint32_t chunk) const; // raw bytes of a chunk: 1 MiB but for the last

  // The bytes before the signature. `chunks`, sizes and root have to agree.
  std::vector<std::uint8_t> serialise() const;
  // Throws ManifestError for anything that does not agree: length, magic, sums, encodings, root.
  static Manifest parse(std::span<const std::uint8_t> file);
};

} // namespace volley
