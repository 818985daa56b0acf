#include "engine/verify.h"
#include "core/limits.h"
#include "engine/chunk_codec.h"
#include "engine/port_failure.h"
#include "engine/thread_group.h"
#include "port/content_file.h"
#include <algorithm>
#include <atomic>
#include <cassert>

namespace volley {
namespace {

class Verification {
public:
  Verification(const VerifyOptions& options, TaskControl& control)
      : options_(options), manifest_(options.manifest), control_(control), content_(open(options)) {
    offsets_.reserve(manifest_.chunks.size());
    std::uint64_t offset = 0;
    for (const ManifestChunk& chunk : manifest_.chunks) {
      offsets_.push_back(offset);
      offset += chunk.storedBytes;
    }
    assert(offset == manifest_.contentBytes);
  }

  std::vector<std::uint32_t> run() {
    control_.begin(manifest_.imageBytes);
    if (content_->bytes() > manifest_.contentBytes) {
      throw EngineError(code::contentCorrupt, "the content file has bytes after its last chunk")
          .on(options_.contentPath, static_cast<std::int64_t>(manifest_.contentBytes));
    }
    content_->dropCache();
    ThreadGroup threads([this] { next_ = manifest_.chunks.size(); });
    for (std::uint32_t i = 0; i < options_.threads; ++i)
      threads.start([this] { work(); });
    threads.join();
    std::sort(bad_.begin(), bad_.end());
    return std::move(bad_);
  }

private:
  static std::unique_ptr<ContentReader> open(const VerifyOptions& options) {
    try {
      return openContent(options.contentPath);
    } catch (const PortError& error) {
      throw fromPort(code::contentRead, "the content file cannot be opened", error).on(options.contentPath);
    }
  }

  void work() {
    ChunkDecompressor decompressor;
    std::vector<std::uint8_t> stored(limits::chunkBytes), raw(limits::chunkBytes);
    for (;;) {
      const std::uint64_t number = next_.fetch_add(1);
      if (number >= manifest_.chunks.size()) return;
      control_.throwIfCancelled();
      const auto chunk = static_cast<std::uint32_t>(number);
      if (!holds(chunk, decompressor, stored, raw)) {
        const std::lock_guard lock(mutex_);
        bad_.push_back(chunk);
      }
      control_.advance(manifest_.chunkBytes(chunk));
    }
  }

  bool holds(std::uint32_t chunk, ChunkDecompressor& decompressor, std::vector<std::uint8_t>& stored,
             std::vector<std::uint8_t>& raw) const {
    const ManifestChunk& expected = manifest_.chunks[chunk];
    const std::size_t length = manifest_.chunkBytes(chunk);
    const std::uint64_t offset = std::uint64_t{chunk} * limits::chunkBytes;
    if (expected.encoding == Encoding::hole) {
      return chunkHashOfZeros(length, offset, manifest_.imageBytes) == expected.chainingValue;
    }
    const bool compressed = expected.encoding == Encoding::zstd;
    auto& target = compressed ? stored : raw;
    if (expected.storedBytes > target.size()) return false;
    if (!read({target.data(), expected.storedBytes}, chunk)) return false;
    const std::span<std::uint8_t> bytes(raw.data(), length);
    if (compressed && !decompressor.decompress({stored.data(), expected.storedBytes}, bytes)) return false;
    return chunkHash(bytes, offset, manifest_.imageBytes) == expected.chainingValue;
  }

  bool read(std::span<std::uint8_t> out, std::uint32_t chunk) const {
    try {
      return content_->read(out, offsets_[chunk]) == out.size();
    } catch (const PortError& error) {
      throw fromPort(code::contentRead, "the content file cannot be read", error)
          .on(options_.contentPath, static_cast<std::int64_t>(offsets_[chunk]))
          .inChunk(chunk);
    }
  }

  const VerifyOptions& options_;
  const Manifest& manifest_;
  TaskControl& control_;
  std::unique_ptr<ContentReader> content_;
  std::vector<std::uint64_t> offsets_; // of each chunk in the content
  std::atomic<std::uint64_t> next_{0};
  std::mutex mutex_;
  std::vector<std::uint32_t> bad_;
};

} // namespace

std::vector<std::uint32_t> verifyContent(const VerifyOptions& options, TaskControl& control) {
  assert(options.threads >= 1 && options.threads <= limits::storageThreadsMax);
  return guardMemory([&] { return Verification(options, control).run(); });
}

} // namespace volley
