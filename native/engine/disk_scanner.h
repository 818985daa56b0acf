// The thread of a receiving session that compares what the disk already holds with the image, while chunks arrive:
// what matches need not be sent. Holes are looked at too, and zeroed where the disk holds something else.
#pragma once
#include "engine/boot_chunks.h"
#include "engine/buffer_pool.h"
#include "engine/disk_writer.h"
#include "engine/image_facts.h"
#include "engine/session_inbox.h"
#include "port/block_device.h"
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace volley {

// Chunks whose content is on its way to the disk or there, so that the scan passes them over. One writer.
class ClaimedChunks {
public:
  explicit ClaimedChunks(std::uint32_t chunks) : flags_(chunks) {}
  void set(std::uint32_t chunk, bool claimed) { flags_[chunk].store(claimed, std::memory_order_relaxed); }
  bool get(std::uint32_t chunk) const { return flags_[chunk].load(std::memory_order_relaxed); }

private:
  std::vector<std::atomic<bool>> flags_;
};

class DiskScanner {
public:
  enum class Order { upwards, downwards };

  DiskScanner(const ImageFacts& image, BlockDevice& device, BootChunks& boot, const DiskWriter& writer,
              const ClaimedChunks& claimed, SessionInbox& inbox, Order order);
  ~DiskScanner(); // joins; ends soon once the inbox says stop
  std::size_t bufferBytes() const { return pool_.totalBytes(); }

private:
  struct Look {
    std::uint32_t chunk;
    std::uint32_t attempt; // of a hole: how often it was zeroed
  };
  void run();
  bool next(Look& look); // false when there is nothing to look at for now
  void submit(const Look& look);
  void onCompletion(const DeviceCompletion& completion);
  void onHole(const Look& look, bool zero);
  void zeroHoles(std::uint32_t chunk);
  void zero(std::uint32_t first, std::uint32_t end);

  const ImageFacts& image_;
  BlockDevice& device_;
  BootChunks& boot_;
  const DiskWriter& writer_;
  const ClaimedChunks& claimed_;
  SessionInbox& inbox_;
  const Order order_;
  BufferPool pool_;
  std::unique_ptr<DeviceQueue> queue_;
  struct Place {
    PooledBuffer buffer; // empty where the place is free
    Look look;
  };
  std::vector<Place> places_; // place = userData of its operation
  std::vector<Look> again_;   // holes that were zeroed
  std::uint32_t passed_ = 0;  // chunks that `next` has come past
  std::uint32_t zeroedFirst_ = 0, zeroedEnd_ = 0; // the run of holes that was zeroed last
  std::thread thread_;
};

} // namespace volley
