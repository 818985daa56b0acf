#include "engine/chunk_ring.h"
#include "core/limits.h"
#include "engine/chunk_codec.h"
#include <cassert>

namespace volley {

ChunkRing::ChunkRing(std::uint32_t slots) : slots_(slots) {
  assert(slots > 0);
  for (ChunkSlot& slot : slots_) {
    slot.raw.resize(limits::chunkBytes);
    slot.packed.resize(usefulBytes(limits::chunkBytes));
  }
}

ChunkSlot* ChunkRing::free() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || filled_ - written_ < slots_.size(); });
  if (stopped_) return nullptr;
  ChunkSlot& slot = at(filled_);
  slot.done = false;
  slot.knownHole = false;
  return &slot;
}

void ChunkRing::fill() {
  {
    const std::lock_guard lock(mutex_);
    assert(!finished_ && filled_ - written_ < slots_.size());
    ++filled_;
  }
  changed_.notify_all();
}

void ChunkRing::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_all();
}

ChunkSlot* ChunkRing::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || taken_ < filled_ || finished_; });
  if (stopped_ || taken_ == filled_) return nullptr;
  return &at(taken_++);
}

void ChunkRing::complete(ChunkSlot& slot) {
  {
    const std::lock_guard lock(mutex_);
    assert(!slot.done);
    slot.done = true;
  }
  changed_.notify_all();
}

ChunkSlot* ChunkRing::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    if (stopped_ || (written_ < taken_ && at(written_).done)) return true;
    return finished_ && written_ == filled_;
  });
  if (stopped_ || written_ == filled_) return nullptr;
  return &at(written_);
}

void ChunkRing::release() {
  {
    const std::lock_guard lock(mutex_);
    assert(written_ < taken_ && at(written_).done);
    ++written_;
  }
  changed_.notify_all();
}

void ChunkRing::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

} // namespace volley
