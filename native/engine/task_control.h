// What a long operation shares with whoever started it: how far it is, and whether it should go on. Every
// member may be called from any thread at any time.
#pragma once
#include "engine/error.h"
#include <atomic>
#include <cstdint>

namespace volley {

class TaskControl {
public:
  void begin(std::uint64_t bytesTotal) { bytesTotal_.store(bytesTotal, std::memory_order_relaxed); }
  void advance(std::uint64_t bytes) { bytesDone_.fetch_add(bytes, std::memory_order_relaxed); }
  std::uint64_t bytesDone() const { return bytesDone_.load(std::memory_order_relaxed); }
  std::uint64_t bytesTotal() const { return bytesTotal_.load(std::memory_order_relaxed); }

  // The operation notices within a chunk's work, or within limits::sourcePoll_ms where it waits for a source.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  void throwIfCancelled() const {
    if (cancelled()) throw EngineError(code::cancelled, "the work was cancelled");
  }

private:
  std::atomic<std::uint64_t> bytesDone_{0};
  std::atomic<std::uint64_t> bytesTotal_{0};
  std::atomic<bool> cancelled_{false};
};

} // namespace volley
