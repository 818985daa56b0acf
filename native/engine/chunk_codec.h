// From a chunk's raw bytes to its stored bytes and back (docs/PROTOCOL.md 1). Each object keeps the memory
// that zstd needs and is used by one thread at a time; nothing is allocated after construction but what
// zstd's level makes it take at the first chunk.
#pragma once
#include "core/layout.h"
#include "core/manifest.h"
#include <cstdint>
#include <memory>
#include <span>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace volley {

// Whether every byte is zero. An empty span is.
bool allZero(std::span<const std::uint8_t> bytes);

// The most stored bytes for which compression is worth a decompression at every receiver: 31/32 of the raw
// size.
std::size_t usefulBytes(std::size_t rawBytes);

// The value by which the manifest knows the chunk at `offset` of an image of `imageBytes`.
blake3::Hash chunkHash(std::span<const std::uint8_t> raw, std::uint64_t offset, std::uint64_t imageBytes);
blake3::Hash chunkHashOfZeros(std::size_t length, std::uint64_t offset, std::uint64_t imageBytes);
// The root over all chunks of an image, in order.
blake3::Hash rootOfChunks(std::span<const blake3::Hash> values);

class ChunkCompressor {
public:
  explicit ChunkCompressor(int level); // 1 to 19; throws EngineError E_OUT_OF_MEMORY
  ~ChunkCompressor();
  // Compresses into `packed` (at least `usefulBytes(raw.size())` long). Gives the frame's size, or 0 where it
  // would be larger than `usefulBytes`: store the chunk raw then.
  std::size_t compress(std::span<const std::uint8_t> raw, std::span<std::uint8_t> packed);

private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

class ChunkDecompressor {
public:
  ChunkDecompressor(); // throws EngineError E_OUT_OF_MEMORY
  ~ChunkDecompressor();
  // False where `stored` is not one frame of exactly `raw.size()` bytes; `raw` may be overwritten then.
  bool decompress(std::span<const std::uint8_t> stored, std::span<std::uint8_t> raw);

private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

} // namespace volley
