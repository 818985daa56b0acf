// A bounded ring through which chunks pass from one reader over several workers to one writer, which gets
// them in order. It bounds the memory of an import and wakes everyone when one of them gives up. Slots are
// owned by the ring; between the call that hands one out and the call that gives it back it belongs to the
// caller alone.
#pragma once
#include "core/layout.h"
#include "core/manifest.h"
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace volley {

struct ChunkSlot {
  std::uint32_t chunk = 0;
  std::size_t rawBytes = 0;
  bool knownHole = false; // the source says so: `raw` is not filled
  std::vector<std::uint8_t> raw;
  std::vector<std::uint8_t> packed;
  ManifestChunk result{}; // set by the worker
  bool done = false;

  std::span<const std::uint8_t> rawSpan() const { return {raw.data(), rawBytes}; }
  // What goes into the content: nothing for a hole.
  std::span<const std::uint8_t> stored() const {
    const auto* from = result.encoding == Encoding::zstd ? packed.data() : raw.data();
    return {from, result.storedBytes};
  }
};

class ChunkRing {
public:
  // `slots` chunk buffers are allocated here and nowhere later; std::bad_alloc where there is no memory.
  explicit ChunkRing(std::uint32_t slots);

  // Reader: the slot for the next chunk, when there is one free; null once stopped. Then `fill` hands it on.
  ChunkSlot* free();
  void fill();
  // Reader: no chunk will follow.
  void finish();

  // Worker: the oldest chunk that nobody works on; null once stopped, or finished and all taken.
  ChunkSlot* take();
  void complete(ChunkSlot& slot);

  // Writer: the next chunk in order, once complete; null once stopped, or finished and all written.
  ChunkSlot* next();
  void release();

  // Anyone: everyone's next call answers null.
  void stop();

private:
  ChunkSlot& at(std::uint64_t number) { return slots_[number % slots_.size()]; }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ChunkSlot> slots_;
  // How many chunks have passed each point; written <= taken <= filled <= written + slots.
  std::uint64_t filled_ = 0, taken_ = 0, written_ = 0;
  bool finished_ = false, stopped_ = false;
};

} // namespace volley
