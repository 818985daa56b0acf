#include "engine/disk_hash.h"
#include "core/limits.h"
#include "engine/buffer_pool.h"
#include "engine/chunk_codec.h"
#include "engine/device_failure.h"
#include "engine/port_failure.h"
#include "engine/thread_group.h"
#include <algorithm>
#include <array>
#include <cassert>
#include <condition_variable>
#include <optional>
#include <vector>

namespace volley {
namespace {

constexpr int completionWait_ms = 100; // a cancel is noticed by then, whatever the disk does

struct ReadChunk {
  std::uint64_t chunk;
  PooledBuffer buffer;
};

// Chunks that were read and wait for a thread to hash them. As many as there are buffers, so it needs no
// bound.
class ReadChunks {
public:
  void push(ReadChunk chunk) {
    {
      const std::lock_guard lock(mutex_);
      chunks_.push_back(std::move(chunk));
    }
    changed_.notify_one();
  }
  // Nothing follows; `drop` forgets what is there too.
  void end(bool drop) {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      if (drop) chunks_.clear();
    }
    changed_.notify_all();
  }
  // Nothing once it has ended and is empty.
  std::optional<ReadChunk> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || !chunks_.empty(); });
    if (chunks_.empty()) return std::nullopt;
    ReadChunk chunk = std::move(chunks_.back());
    chunks_.pop_back();
    return chunk;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ReadChunk> chunks_;
  bool ended_ = false;
};

class DiskHashing {
public:
  DiskHashing(const DiskHashOptions& options, TaskControl& control)
      : options_(options), control_(control), disk_(open(options)),
        values_((options.bytes + limits::chunkBytes - 1) / limits::chunkBytes),
        depth_(std::min(options.threads + limits::hashReadsInFlight, limits::deviceQueueDepthMax)),
        pool_(options.threads + depth_, limits::chunkBytes), reading_(pool_.count()),
        queue_(disk_->makeQueue(depth_)) {}

  DiskHash run() {
    control_.begin(options_.bytes);
    ThreadGroup threads([this] {
      chunks_.end(true);
      pool_.stop();
    });
    for (std::uint32_t i = 0; i < options_.threads; ++i)
      threads.start([this] { hash(); });
    threads.runHere([this] { read(); });
    threads.join();
    return {rootOfChunks(values_), disk_->bypassesCache()};
  }

private:
  static std::unique_ptr<BlockDevice> open(const DiskHashOptions& options) {
    try {
      auto disk = openBlockDevice(options.path, DeviceAccess::readOnly);
      if (disk->sizeBytes() >= options.bytes) return disk;
      throw EngineError(code::deviceTooSmall, "the disk has " + std::to_string(disk->sizeBytes()) +
                                                  " bytes, not " + std::to_string(options.bytes))
          .on(options.path);
    } catch (const DeviceError& error) {
      throw fromDevice(error);
    }
  }

  std::size_t lengthOf(std::uint64_t chunk) const {
    return std::min<std::uint64_t>(limits::chunkBytes, options_.bytes - chunk * limits::chunkBytes);
  }

  // Calling thread: keeps reads in flight while there are buffers.
  void read() {
    std::uint64_t next = 0;
    for (;;) {
      control_.throwIfCancelled();
      while (next < values_.size() && submit(next))
        ++next;
      if (queue_->inFlight() == 0) break; // all read, or the hashing threads gave up
      takeCompletions();
    }
    chunks_.end(false);
  }

  // False where the read has to wait for others to end.
  bool submit(std::uint64_t chunk) {
    const std::uint32_t inFlight = queue_->inFlight();
    if (inFlight == depth_) return false;
    PooledBuffer buffer = inFlight == 0 ? pool_.acquire() : pool_.tryAcquire();
    if (!buffer) return false;
    const std::uint64_t offset = chunk * limits::chunkBytes;
    const std::uint64_t alignment = disk_->alignmentBytes();
    const std::uint64_t aligned = (lengthOf(chunk) + alignment - 1) / alignment * alignment;
    const std::size_t length = std::min<std::uint64_t>(aligned, disk_->sizeBytes() - offset);
    const auto place = static_cast<std::size_t>(
        std::find_if(reading_.begin(), reading_.end(), [](const ReadChunk& slot) { return !slot.buffer; }) -
        reading_.begin());
    const bool submitted = queue_->submit({DeviceAction::readBack, offset, buffer.data(), length, place});
    assert(submitted && place < reading_.size());
    reading_[place].chunk = chunk;
    reading_[place].buffer = std::move(buffer);
    return submitted;
  }

  void takeCompletions() {
    std::array<DeviceCompletion, 8> completions;
    const std::size_t count = queue_->complete(completions, completionWait_ms);
    for (std::size_t i = 0; i < count; ++i) {
      ReadChunk& slot = reading_[completions[i].operation.userData];
      if (completions[i].failed()) {
        throw fromDevice(*disk_, completions[i]).inChunk(static_cast<std::int64_t>(slot.chunk));
      }
      chunks_.push({slot.chunk, std::move(slot.buffer)});
    }
  }

  // Hashing threads.
  void hash() {
    while (const std::optional<ReadChunk> read = chunks_.pop()) {
      const std::uint64_t offset = read->chunk * limits::chunkBytes;
      const std::span<const std::uint8_t> bytes = read->buffer.span().first(lengthOf(read->chunk));
      values_[read->chunk] = chunkHash(bytes, offset, options_.bytes);
      control_.advance(bytes.size());
    }
  }

  const DiskHashOptions& options_;
  TaskControl& control_;
  std::unique_ptr<BlockDevice> disk_;
  std::vector<blake3::Hash> values_; // each set by the thread that took its chunk
  std::uint32_t depth_;
  BufferPool pool_;
  std::vector<ReadChunk> reading_; // of the calling thread; without a buffer = free
  ReadChunks chunks_;
  std::unique_ptr<DeviceQueue> queue_; // goes first: it waits for reads into the buffers
};

} // namespace

DiskHash hashDisk(const DiskHashOptions& options, TaskControl& control) {
  assert(options.bytes > 0 && options.bytes <= limits::imageBytesMax);
  assert(options.threads >= 1 && options.threads <= limits::storageThreadsMax);
  return guardMemory([&] { return DiskHashing(options, control).run(); });
}

} // namespace volley
