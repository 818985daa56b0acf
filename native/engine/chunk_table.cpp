#include "engine/chunk_table.h"
#include <algorithm>

namespace volley {
namespace {

constexpr std::size_t hashBytes = std::tuple_size_v<blake3::Hash>;
static_assert(Manifest::chunkEntryBytes == hashBytes + 8);

void put32(std::uint32_t value, std::uint8_t* out) {
  for (int i = 0; i < 4; ++i)
    out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint32_t get32(const std::uint8_t* from) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(from[i]) << (8 * i);
  return value;
}

} // namespace

std::vector<std::uint8_t> writeChunkTable(std::span<const ManifestChunk> chunks) {
  std::vector<std::uint8_t> table(chunks.size() * Manifest::chunkEntryBytes);
  std::uint8_t* entry = table.data();
  for (const ManifestChunk& chunk : chunks) {
    std::copy(chunk.chainingValue.begin(), chunk.chainingValue.end(), entry);
    put32(chunk.storedBytes, entry + hashBytes);
    put32(static_cast<std::uint32_t>(chunk.encoding), entry + hashBytes + 4);
    entry += Manifest::chunkEntryBytes;
  }
  return table;
}

std::vector<ManifestChunk> readChunkTable(std::span<const std::uint8_t> table) {
  if (table.empty() || table.size() % Manifest::chunkEntryBytes != 0) {
    throw ManifestError("the chunk table is not a whole number of entries");
  }
  std::vector<ManifestChunk> chunks(table.size() / Manifest::chunkEntryBytes);
  const std::uint8_t* entry = table.data();
  for (ManifestChunk& chunk : chunks) {
    std::copy_n(entry, hashBytes, chunk.chainingValue.begin());
    chunk.storedBytes = get32(entry + hashBytes);
    const std::uint32_t encoding = get32(entry + hashBytes + 4);
    if (encoding > static_cast<std::uint32_t>(Encoding::zstd)) {
      throw ManifestError("the chunk table names the unknown encoding " + std::to_string(encoding));
    }
    chunk.encoding = static_cast<Encoding>(encoding);
    entry += Manifest::chunkEntryBytes;
  }
  return chunks;
}

} // namespace volley
