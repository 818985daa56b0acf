#include "core/sender_schedule.h"
#include <algorithm>
#include <cassert>

namespace volley {

SenderSchedule::SenderSchedule(const BlockLayout& layout)
    : layout_(layout), blocks_(layout.blocks()), owing_(layout.blocks()), whole_(layout.blocks()),
      previous_(ringCounters) {}

std::uint32_t SenderSchedule::sentSince(std::uint32_t block, std::uint64_t highest) const {
  // A receiver that has received nothing yet has missed all of it.
  if (highest == 0) return 0;
  std::uint32_t sent = 0;
  std::uint64_t counter = blocks_[block].last;
  while (counter > highest && newest_ - counter < ringCounters && sent < limits::symbolNumbers) {
    ++sent;
    counter = previous_[counter % ringCounters];
  }
  return sent;
}

std::uint32_t SenderSchedule::costOf(std::uint32_t block, std::uint32_t symbols) const {
  return symbols > blocks_[block].owed ? symbols - blocks_[block].owed : 0;
}

void SenderSchedule::raise(std::uint32_t block, std::uint32_t symbols) {
  Block& entry = blocks_[block];
  const std::uint32_t k = layout_.symbols(block);
  assert(symbols > 0 && symbols <= k);
  if (symbols > entry.owed) {
    // Somebody has nothing of it: its source symbols in order are enough for everybody and spare the decoding.
    if (symbols == k && entry.owed == 0) entry.symbol = 0;
    entry.owed = static_cast<std::uint16_t>(symbols);
    owing_.add(block);
    if (symbols == k) whole_.add(block);
  }
  if (symbols > repairLimit(block)) return;
  if (entry.inGroup || symbols <= entry.urgent) return;
  entry.urgent = static_cast<std::uint16_t>(symbols);
  if (!entry.queued) {
    entry.queued = true;
    repairs_.push_back(block);
  }
}

void SenderSchedule::Group::removeAtTurn() {
  for (std::uint32_t i = turn; i + 1 < size; ++i) blocks[i] = blocks[i + 1];
  --size;
  if (turn >= size) turn = 0;
}

void SenderSchedule::fillRepairGroup() {
  while (repairGroup_.size < repairGroup_.blocks.size() && !repairs_.empty()) {
    const std::uint32_t block = repairs_.front();
    repairs_.pop_front();
    if (blocks_[block].urgent == 0) {
      blocks_[block].queued = false;
    } else {
      repairGroup_.blocks[repairGroup_.size++] = block;
    }
  }
}

void SenderSchedule::fillCarouselGroup() {
  // One lap at most: blocks that are in the group already are passed over.
  for (std::uint32_t seen = 0; carouselGroup_.size < carouselGroup_.blocks.size() && seen < owing_.count(); ++seen) {
    std::uint32_t block = owing_.next(cursor_);
    if (block == owing_.size()) block = owing_.next(0);
    cursor_ = block + 1 == owing_.size() ? 0 : block + 1;
    if (blocks_[block].inGroup) continue;
    blocks_[block].inGroup = true;
    carouselGroup_.blocks[carouselGroup_.size++] = block;
  }
}

void SenderSchedule::emit(std::uint32_t block, std::uint64_t counter, Emission& out) {
  Block& entry = blocks_[block];
  const std::uint32_t k = layout_.symbols(block);
  assert(entry.owed > 0);
  if (entry.owed >= k) whole_.remove(block);
  --entry.owed;
  if (entry.urgent > 0) --entry.urgent;
  if (entry.owed == 0) owing_.remove(block);
  out = {false, counter, block, entry.symbol, entry.owed};
  entry.symbol = static_cast<std::uint16_t>((entry.symbol + 1) % limits::symbolNumbers);
  // A counter that has left the ring may not be followed: its place belongs to another block by now.
  const bool inRing = entry.last != 0 && counter - entry.last < ringCounters;
  previous_[counter % ringCounters] = inRing ? entry.last : 0;
  entry.last = counter;
  newest_ = counter;
}

bool SenderSchedule::pick(std::uint64_t counter, Emission& out) {
  fillRepairGroup();
  while (repairGroup_.size > 0) {
    const std::uint32_t block = repairGroup_.blocks[repairGroup_.turn];
    Block& entry = blocks_[block];
    const bool sends = entry.urgent > 0;
    if (sends) emit(block, counter, out);
    if (entry.urgent == 0) {
      entry.queued = false;
      repairGroup_.removeAtTurn();
    } else {
      repairGroup_.turn = (repairGroup_.turn + 1) % repairGroup_.size;
    }
    if (sends) return true;
  }
  fillCarouselGroup();
  while (carouselGroup_.size > 0) {
    const std::uint32_t block = carouselGroup_.blocks[carouselGroup_.turn];
    Block& entry = blocks_[block];
    const bool sends = entry.owed > 0;
    if (sends) emit(block, counter, out);
    if (entry.owed == 0) {
      entry.inGroup = false;
      carouselGroup_.removeAtTurn();
    } else {
      carouselGroup_.turn = (carouselGroup_.turn + 1) % carouselGroup_.size;
    }
    if (sends) return true;
  }
  return false;
}

std::uint32_t SenderSchedule::describe(std::uint32_t from, std::size_t most, std::vector<Run>& runs) const {
  runs.clear();
  const std::uint32_t blocks = owing_.size();
  // First from `from` to the end, then from 0 up to `from`.
  for (const bool second : {false, true}) {
    const std::uint32_t end = second ? from : blocks;
    std::uint32_t block = owing_.next(second ? 0 : from);
    while (block < end) {
      if (runs.size() == most) return second ? blocks - from + block : block - from;
      std::uint32_t after = block + 1;
      std::uint16_t symbols = wholeBlock;
      if (whole_.has(block)) {
        after = std::min(end, whole_.nextAbsent(block));
      } else {
        symbols = blocks_[block].owed;
        while (after < end && blocks_[after].owed == symbols && !whole_.has(after)) ++after;
      }
      runs.push_back({block, after - block, symbols});
      block = owing_.next(after);
    }
  }
  return blocks;
}

} // namespace volley
