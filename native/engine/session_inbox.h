// What the threads of a receiving session tell the one that owns the Receiver machine, and the error that ends it.
// Posts never wait: at most one is on its way for each block being decoded, chunk being worked on and chunk being
// scanned, and their number is bounded by the buffers they need.
#pragma once
#include "engine/error.h"
#include "port/socket.h"
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace volley {

enum class ChunkSource : std::uint8_t { multicast, unicast };

struct SessionEvent {
  enum class Kind : std::uint8_t {
    blockDecoded,
    chunkGood,       // checked, written and read back; a boot chunk: checked and kept
    chunkRefused,    // its bytes are not what the manifest says
    chunkMismatched, // the device gives other bytes than were written
    chunkReturned,   // unicast did not bring it
    prepared,        // the boot chunks have been looked at
    scannedSame,     // the disk holds it
    scannedOther,
    holeZero, // the disk has zeros where the image has a hole
    scanEnded,
    diskFinished, // boot chunks written and read back, everything flushed
  };
  Kind kind;
  std::uint32_t number = 0; // chunk or block
  ChunkSource source = ChunkSource::multicast;
};

class SessionInbox {
public:
  explicit SessionInbox(Wakeup& wakeup) : wakeup_(wakeup) {}

  void post(const SessionEvent& event) {
    bool first;
    {
      const std::lock_guard lock(mutex_);
      first = events_.empty();
      events_.push_back(event);
    }
    if (first) wakeup_.notify();
  }

  // Keeps the first error.
  void fail(const EngineError& error) {
    {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = error;
    }
    stopped_.store(true);
    wakeup_.notify();
  }

  // For the threads: whether to end soon.
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  void stop() {
    stopped_.store(true);
    wakeup_.notify();
  }

  // For the owner of the machine: what was posted since the last call, in `events` (whose memory is reused).
  void take(std::vector<SessionEvent>& events) {
    events.clear();
    const std::lock_guard lock(mutex_);
    events.swap(events_);
  }
  std::optional<EngineError> error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }

private:
  Wakeup& wakeup_;
  mutable std::mutex mutex_;
  std::vector<SessionEvent> events_;
  std::optional<EngineError> error_;
  std::atomic<bool> stopped_{false};
};

} // namespace volley
