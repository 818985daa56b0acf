// The thread of a receiving session that writes checked chunks to the disk, several at a time, and reads each back
// past the cache; the workers then compare what came back. At the end it writes the boot chunks.
#pragma once
#include "engine/boot_chunks.h"
#include "engine/chunk_workers.h"
#include "port/block_device.h"
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace volley {

class DiskWriter {
public:
  // Gets a chunk with the bytes that were read back. Called on the writer's thread.
  using ReadBack = std::function<void(ChunkJob)>;

  DiskWriter(const ImageFacts& image, BlockDevice& device, BootChunks& boot, BufferPool& pool, SessionInbox& inbox,
             ReadBack readBack);
  ~DiskWriter(); // stop() and joins
  void stop();   // what is queued is dropped; what is in flight is waited for

  // From any thread; neither waits.
  void write(ChunkJob job);
  // Once every chunk is good: boot chunks, flush, then the event `diskFinished`.
  void finish();

  // Whether chunks are being written or wait for it.
  bool busy() const { return waitingOrActive() > 0; }
  // Chunks that came and are not on the disk yet; at most limits::chunkBuffers.
  std::size_t waitingOrActive() const { return waitingOrActive_.load(std::memory_order_relaxed); }

private:
  struct Active {
    ChunkJob job;
    bool used = false;
  };
  void run();
  bool takeNew(); // false once stopped
  void submit(DeviceAction action, std::size_t place);
  void onCompletion(const DeviceCompletion& completion);

  const ImageFacts& image_;
  BlockDevice& device_;
  BootChunks& boot_;
  BufferPool& pool_;
  SessionInbox& inbox_;
  ReadBack readBack_;
  std::unique_ptr<DeviceQueue> queue_;
  std::vector<Active> active_; // place = userData of its operation
  std::size_t activeCount_ = 0;
  std::atomic<std::size_t> waitingOrActive_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ChunkJob> waiting_;
  bool finishing_ = false;
  bool stopped_ = false;
  std::thread thread_;
};

} // namespace volley
