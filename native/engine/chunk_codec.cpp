#include "engine/chunk_codec.h"
#include "core/limits.h"
#include "engine/error.h"
#include <cassert>
#include <cstring>
#include <zstd.h>

namespace volley {

bool allZero(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return true;
  // Comparing the bytes with themselves shifted by one says that all equal the first; the library's
  // comparison is vectorised and stops at the first difference.
  return bytes.front() == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

std::size_t usefulBytes(std::size_t rawBytes) {
  return rawBytes - rawBytes / 32 - 1;
}

namespace {
bool onlyChunk(std::size_t length, std::uint64_t offset, std::uint64_t imageBytes) {
  assert(offset % limits::chunkBytes == 0 && length > 0 && offset + length <= imageBytes);
  return offset == 0 && length == imageBytes;
}
} // namespace

blake3::Hash chunkHash(std::span<const std::uint8_t> raw, std::uint64_t offset, std::uint64_t imageBytes) {
  return onlyChunk(raw.size(), offset, imageBytes) ? blake3::hash(raw) : blake3::subtree(raw, offset);
}

blake3::Hash chunkHashOfZeros(std::size_t length, std::uint64_t offset, std::uint64_t imageBytes) {
  if (!onlyChunk(length, offset, imageBytes)) return blake3::subtreeOfZeros(length, offset);
  return blake3::hash(std::vector<std::uint8_t>(length));
}

blake3::Hash rootOfChunks(std::span<const blake3::Hash> values) {
  assert(!values.empty());
  return values.size() == 1 ? values.front() : blake3::rootOf(values);
}

void ChunkCompressor::Free::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}
void ChunkDecompressor::Free::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

ChunkCompressor::ChunkCompressor(int level) : context_(ZSTD_createCCtx()) {
  assert(level >= 1 && level <= 19);
  if (!context_) throw EngineError(code::outOfMemory, "no memory for compression");
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
}
ChunkCompressor::~ChunkCompressor() = default;

std::size_t ChunkCompressor::compress(std::span<const std::uint8_t> raw, std::span<std::uint8_t> packed) {
  const std::size_t most = usefulBytes(raw.size());
  assert(packed.size() >= most);
  const std::size_t size = ZSTD_compress2(context_.get(), packed.data(), most, raw.data(), raw.size());
  if (!ZSTD_isError(size)) return size;
  if (ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall) return 0;
  throw EngineError(code::outOfMemory, std::string("compression failed: ") + ZSTD_getErrorName(size));
}

ChunkDecompressor::ChunkDecompressor() : context_(ZSTD_createDCtx()) {
  if (!context_) throw EngineError(code::outOfMemory, "no memory for decompression");
}
ChunkDecompressor::~ChunkDecompressor() = default;

bool ChunkDecompressor::decompress(std::span<const std::uint8_t> stored, std::span<std::uint8_t> raw) {
  const std::size_t size =
      ZSTD_decompressDCtx(context_.get(), raw.data(), raw.size(), stored.data(), stored.size());
  if (ZSTD_isError(size) || size != raw.size()) return false;
  // Several frames would decompress too; a chunk is one.
  return ZSTD_findFrameCompressedSize(stored.data(), stored.size()) == stored.size();
}

} // namespace volley
