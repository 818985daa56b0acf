#include "engine/disk_hash.h"
#include "core/limits.h"
#include "engine/aligned_buffer.h"
#include "engine/chunk_codec.h"
#include "engine/port_failure.h"
#include "engine/thread_group.h"
#include "port/disk_reader.h"
#include <algorithm>
#include <atomic>
#include <cassert>
#include <semaphore>
#include <vector>

namespace volley {
namespace {

class DiskHashing {
public:
  DiskHashing(const DiskHashOptions& options, TaskControl& control)
      : options_(options), control_(control), disk_(open(options)),
        values_((options.bytes + limits::chunkBytes - 1) / limits::chunkBytes),
        mayHash_(static_cast<std::ptrdiff_t>(options.threads)) {}

  DiskHash run() {
    control_.begin(options_.bytes);
    ThreadGroup threads([this] { next_ = values_.size(); });
    // Each thread reads a chunk and hashes it. Only as many as were asked for hash at a time; the others have
    // their reads in flight, so that the disk is never idle.
    const auto most = static_cast<std::uint64_t>(options_.threads + limits::hashReadsInFlight);
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(most, values_.size()); ++i) {
      threads.start([this] { work(); });
    }
    threads.join();
    return {rootOfChunks(values_), disk_->direct()};
  }

private:
  static std::unique_ptr<DiskReader> open(const DiskHashOptions& options) {
    try {
      auto disk = openDiskReader(options.path);
      if (disk->bytes() >= options.bytes) return disk;
      throw EngineError(code::deviceTooSmall, "the disk has " + std::to_string(disk->bytes()) +
                                                  " bytes, not " + std::to_string(options.bytes))
          .on(options.path);
    } catch (const PortError& error) {
      throw fromPort(code::deviceOpen, "the disk cannot be opened", error).on(options.path);
    }
  }

  void work() {
    AlignedBuffer buffer(limits::chunkBytes, DiskReader::alignment);
    for (;;) {
      const std::uint64_t chunk = next_.fetch_add(1);
      if (chunk >= values_.size()) return;
      control_.throwIfCancelled();
      const std::uint64_t offset = chunk * limits::chunkBytes;
      const std::size_t length = std::min<std::uint64_t>(limits::chunkBytes, options_.bytes - offset);
      read(buffer, length, chunk);
      mayHash_.acquire();
      values_[chunk] = chunkHash({buffer.data(), length}, offset, options_.bytes);
      mayHash_.release();
      control_.advance(length);
    }
  }

  void read(AlignedBuffer& buffer, std::size_t length, std::uint64_t chunk) {
    const std::uint64_t offset = chunk * limits::chunkBytes;
    const std::size_t aligned =
        (length + DiskReader::alignment - 1) / DiskReader::alignment * DiskReader::alignment;
    const auto place = [&](EngineError error) {
      return error.on(options_.path, static_cast<std::int64_t>(offset))
          .inChunk(static_cast<std::int64_t>(chunk));
    };
    try {
      if (disk_->read(buffer.span().first(aligned), offset) >= length) return;
    } catch (const PortError& error) {
      throw place(fromPort(code::deviceRead, "the disk cannot be read", error));
    }
    throw place(EngineError(code::deviceRead, "the disk has become shorter"));
  }

  const DiskHashOptions& options_;
  TaskControl& control_;
  std::unique_ptr<DiskReader> disk_;
  std::vector<blake3::Hash> values_; // each set by the thread that took its chunk
  std::counting_semaphore<> mayHash_;
  std::atomic<std::uint64_t> next_{0};
};

} // namespace

DiskHash hashDisk(const DiskHashOptions& options, TaskControl& control) {
  assert(options.bytes > 0 && options.bytes <= limits::imageBytesMax);
  assert(options.threads >= 1 && options.threads <= limits::storageThreadsMax);
  return guardMemory([&] { return DiskHashing(options, control).run(); });
}

} // namespace volley
