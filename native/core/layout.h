// Where chunks lie in the content and how the content is cut into blocks and symbols (docs/PROTOCOL.md 1 and 2).
// Pure arithmetic over what a manifest says; no payload bytes.
#pragma once
#include <cstdint>
#include <vector>

namespace volley {

enum class Encoding : std::uint32_t { hole = 0, raw = 1, zstd = 2 };

class BlockLayout {
public:
  // contentBytes may be 0 (an image of holes only): no blocks then.
  BlockLayout(std::uint64_t contentBytes, std::uint32_t symbolBytes);
  std::uint32_t blocks() const { return blocks_; }
  std::uint32_t symbolBytes() const { return symbolBytes_; }
  std::uint64_t contentBytes() const { return contentBytes_; }
  std::uint64_t firstSymbol(std::uint32_t block) const;
  std::uint32_t symbols(std::uint32_t block) const; // k, 1 to 200
  std::uint64_t offset(std::uint32_t block) const;  // first content byte
  std::uint64_t bytes(std::uint32_t block) const;   // content bytes in it, without padding
  std::uint32_t blockOf(std::uint64_t contentOffset) const;

private:
  std::uint64_t contentBytes_;
  std::uint64_t symbols_;
  std::uint32_t symbolBytes_;
  std::uint32_t blocks_;
};

// The chunks of an image by their stored sizes, and which blocks each needs. Holes need none.
class ChunkLayout {
public:
  ChunkLayout(std::vector<std::uint32_t> storedBytes, std::uint32_t symbolBytes);
  std::uint32_t chunks() const { return static_cast<std::uint32_t>(offsets_.size() - 1); }
  const BlockLayout& blocks() const { return blocks_; }
  bool hole(std::uint32_t chunk) const { return storedBytes(chunk) == 0; }
  std::uint32_t storedBytes(std::uint32_t chunk) const {
    return static_cast<std::uint32_t>(offsets_[chunk + 1] - offsets_[chunk]);
  }
  std::uint64_t storedOffset(std::uint32_t chunk) const { return offsets_[chunk]; }
  std::uint32_t firstBlock(std::uint32_t chunk) const; // of a chunk that is no hole
  std::uint32_t lastBlock(std::uint32_t chunk) const;
  // Chunks that have bytes in a block: a half-open range; holes inside it are to be skipped.
  std::uint32_t firstChunk(std::uint32_t block) const;
  std::uint32_t endChunk(std::uint32_t block) const;

private:
  std::vector<std::uint64_t> offsets_; // chunks + 1
  BlockLayout blocks_;
};

} // namespace volley
