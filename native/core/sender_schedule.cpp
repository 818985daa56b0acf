#include "core/sender_schedule.h"
#include <algorithm>
#include <cassert>

namespace volley {

SenderSchedule::SenderSchedule(const BlockLayout& layout)
    : layout_(layout), blocks_(layout.blocks()), pending_(layout.blocks()), waiting_(layout.blocks()),
      plain_(layout.blocks()), previous_(ringCounters) {}

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

std::uint32_t SenderSchedule::newsFor(std::uint32_t block, std::uint32_t symbols) const {
  const std::uint32_t k = layout_.symbols(block);
  if (!blocks_[block].lapped || !isRepair(block, symbols)) return symbols;
  // It has k - symbols of the numbers; any of the others is news.
  const std::uint32_t others = limits::symbolNumbers - k + symbols;
  return std::min(repairLimit(k), (symbols * limits::symbolNumbers + others - 1) / others);
}

std::uint32_t SenderSchedule::costOf(std::uint32_t block, std::uint32_t symbols) const {
  const Block& entry = blocks_[block];
  // A repair goes before everything else, so it costs even where the block's turn would bring it anyway.
  const std::uint32_t comes = isRepair(block, symbols) ? entry.soon() : entry.pass + entry.later;
  return symbols > comes ? symbols - comes : 0;
}

void SenderSchedule::raise(std::uint32_t block, std::uint32_t symbols) {
  Block& entry = blocks_[block];
  assert(symbols > 0 && symbols <= layout_.symbols(block));
  if (!isRepair(block, symbols)) {
    // What the present turn brings is not sent again in the next.
    const std::uint32_t rest = symbols > entry.pass ? symbols - entry.pass : 0;
    entry.later = std::max(entry.later, static_cast<std::uint16_t>(rest));
  } else if (entry.inGroup) {
    entry.pass = std::max(entry.pass, static_cast<std::uint16_t>(symbols));
  } else if (symbols > entry.urgent) {
    entry.urgent = static_cast<std::uint16_t>(symbols);
    if (!entry.queued) repairs_.push_back(block);
    entry.queued = true;
  }
  note(block);
}

// Puts a block into the sets its numbers belong to.
void SenderSchedule::note(std::uint32_t block) {
  const Block& entry = blocks_[block];
  const auto set = [block](GapMap& map, bool member) {
    if (map.has(block) != member) member ? map.add(block) : map.remove(block);
  };
  set(pending_, entry.soon() + entry.later > 0);
  set(waiting_, entry.later > 0 && !entry.inGroup);
  set(plain_, entry.later > 0 && entry.soon() == 0);
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
  while (carouselGroup_.size < carouselGroup_.blocks.size() && !waiting_.empty()) {
    std::uint32_t block = waiting_.next(cursor_);
    if (block == waiting_.size()) {
      // A lap ends before the next begins, or what was asked for later would slow down the last blocks of it.
      if (carouselGroup_.size > 0) return;
      block = waiting_.next(0);
    }
    cursor_ = block + 1;
    Block& entry = blocks_[block];
    // Where somebody has nothing of it, its source symbols in order serve everybody and spare the decoding.
    if (entry.later == layout_.symbols(block)) {
      entry.lapped = entry.lapped || entry.symbol != 0;
      entry.symbol = 0;
    }
    entry.pass = std::max(entry.later, entry.urgent);
    entry.urgent = 0;
    entry.later = 0;
    entry.inGroup = true;
    carouselGroup_.blocks[carouselGroup_.size++] = block;
    note(block);
  }
}

void SenderSchedule::emit(std::uint32_t block, std::uint64_t counter, Emission& out) {
  Block& entry = blocks_[block];
  std::uint16_t& from = entry.inGroup ? entry.pass : entry.urgent;
  assert(from > 0);
  --from;
  if (!entry.inGroup && entry.later > 0) --entry.later;
  out = {false, counter, block, entry.symbol, from};
  if (++entry.symbol == 0) entry.lapped = true; // from 255 back to 0
  // A counter that has left the ring may not be followed: its place belongs to another block by now.
  const bool inRing = entry.last != 0 && counter - entry.last < ringCounters;
  previous_[counter % ringCounters] = inRing ? entry.last : 0;
  entry.last = counter;
  newest_ = counter;
  note(block);
}

bool SenderSchedule::pickRepair(std::uint64_t counter, Emission& out) {
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
  return false;
}

bool SenderSchedule::pick(std::uint64_t counter, Emission& out) {
  if (pickRepair(counter, out)) return true;
  fillCarouselGroup();
  if (carouselGroup_.size == 0) return false;
  const std::uint32_t block = carouselGroup_.blocks[carouselGroup_.turn];
  Block& entry = blocks_[block];
  emit(block, counter, out);
  if (entry.pass == 0) {
    entry.inGroup = false;
    carouselGroup_.removeAtTurn();
    note(block);
  } else {
    carouselGroup_.turn = (carouselGroup_.turn + 1) % carouselGroup_.size;
  }
  return true;
}

std::uint32_t SenderSchedule::describe(std::uint32_t from, std::size_t most, std::vector<Run>& runs) const {
  runs.clear();
  const std::uint32_t blocks = pending_.size();
  const auto symbolsOf = [this](std::uint32_t block) {
    const Block& entry = blocks_[block];
    return static_cast<std::uint16_t>(entry.soon() | (entry.later > 0 ? comesInTurn : 0));
  };
  // First from `from` to the end, then from 0 up to `from`.
  for (const bool second : {false, true}) {
    const std::uint32_t end = second ? from : blocks;
    std::uint32_t block = pending_.next(second ? 0 : from);
    while (block < end) {
      if (runs.size() == most) return second ? blocks - from + block : block - from;
      const std::uint16_t symbols = symbolsOf(block);
      std::uint32_t after = block + 1;
      if (plain_.has(block)) {
        after = std::min(end, plain_.nextAbsent(block));
      } else {
        while (after < end && symbols == symbolsOf(after)) ++after;
      }
      runs.push_back({block, after - block, symbols});
      block = pending_.next(after);
    }
  }
  return blocks;
}

} // namespace volley
