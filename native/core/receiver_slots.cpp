// Slots: where symbols go, and which block has to give way when there are more blocks than slots.
#include "core/receiver_state.h"
#include "core/sender_schedule.h"
#include <algorithm>
#include <cassert>

namespace volley {

namespace {
constexpr std::uint16_t noSymbol = 0xffff;
constexpr std::uint64_t evictionSpacing = 1024; // datagrams between two tries for one block: a try walks all slots
constexpr std::uint64_t notWanted = ~0ull;
} // namespace

Placed Receiver::State::store(const Header& header) {
  const std::uint32_t block = header.subject;
  if (block >= blocks.size() || header.a >= limits::symbolNumbers) return {Placement::unwanted, 0, false};
  Block& entry = blocks[block];
  if (entry.slot == noSlot) {
    if (!entry.wanted()) return {Placement::unwanted, 0, false};
    if (takeSlot(block, header.counter) == noSlot) return {Placement::noRoom, 0, false};
  }
  Slot& slot = slots[entry.slot];
  if (header.counter > slot.counter) {
    slot.counter = header.counter;
    slot.onTheWay = header.b;
  }
  std::uint64_t& word = slot.seen[header.a / 64];
  const std::uint64_t bit = 1ull << (header.a % 64);
  if (slot.phase != Phase::filling || (word & bit) != 0) return {Placement::duplicate, 0, false};
  word |= bit;
  const std::uint32_t k = blockLayout.symbols(block);
  lastPlace = placeFor(slot, header.a, k);
  ++slot.have;
  entry.age = 0;
  if (slot.have == k) {
    slot.phase = Phase::decodable;
    for (std::uint32_t i = 0; i < k; ++i) counts.repairedSymbols += slot.places[i] >= k;
  }
  return {Placement::store, entry.slot, slot.phase == Phase::decodable};
}

// A source symbol goes to its own place if that is free; all else to the highest free place, because the sender
// goes through the numbers upwards and the places below are the next to be claimed by their owners.
std::uint16_t Receiver::State::placeFor(Slot& slot, std::uint16_t symbol, std::uint32_t k) {
  std::uint16_t place = symbol;
  if (symbol >= k || slot.places[symbol] != noSymbol) {
    while (slot.places[slot.top] != noSymbol) --slot.top;
    place = slot.top;
  }
  slot.places[place] = symbol;
  return place;
}

std::uint16_t Receiver::State::takeSlot(std::uint32_t block, std::uint64_t counter) {
  if (freeSlots.empty()) {
    scarce = true;
    Refusal& last = refusals[block % refusals.size()];
    const bool triedLately = last.block == block && counter - last.counter < evictionSpacing;
    if (triedLately) return noSlot;
    if (!evictFor(block)) {
      last = {block, counter};
      return noSlot;
    }
  }
  const std::uint16_t index = freeSlots.back();
  freeSlots.pop_back();
  Slot& slot = slots[index];
  slot = Slot{};
  slot.block = block;
  slot.top = static_cast<std::uint16_t>(blockLayout.symbols(block) - 1);
  slot.places.fill(noSymbol);
  blocks[block].slot = index;
  if (lackingBlocks.has(block)) lackingBlocks.remove(block);
  const auto used = static_cast<std::uint32_t>(slots.size() - freeSlots.size());
  counts.slotsUsedMost = std::max(counts.slotsUsedMost, used);
  return index;
}

std::uint32_t Receiver::State::missing(std::uint32_t block) const {
  const std::uint32_t k = blockLayout.symbols(block);
  return blocks[block].slot == noSlot ? k : k - slots[blocks[block].slot].have;
}

// How far a chunk is from complete: symbols missing first, then its number, so that no two chunks are equally far
// and the nearest one always gets its slots. That is what rules out a deadlock of half-filled chunks.
std::uint64_t Receiver::State::chunkDistance(std::uint32_t chunk) const {
  if (layout.hole(chunk) || !wants(chunk)) return notWanted;
  std::uint64_t symbols = 0;
  const std::uint32_t last = layout.lastBlock(chunk);
  for (std::uint32_t block = layout.firstBlock(chunk); block <= last; ++block) symbols += missing(block);
  return symbols << 32 | chunk;
}

// That of its nearest chunk. Only the first and the last chunk of a block can reach into other blocks; the ones
// between lie in it whole and are as far as the block itself.
std::uint64_t Receiver::State::distance(std::uint32_t block) const {
  const std::uint32_t first = layout.firstChunk(block), end = layout.endChunk(block);
  std::uint64_t nearest = std::min(chunkDistance(first), chunkDistance(end - 1));
  if (end - first > 2 && blocks[block].wanted()) {
    nearest = std::min(nearest, std::uint64_t{missing(block)} << 32 | (first + 1));
  }
  return nearest;
}

// Frees the slot of the block that is farthest from use, if that is farther than `block` is.
bool Receiver::State::evictFor(std::uint32_t block) {
  std::uint64_t farthest = distance(block);
  std::uint32_t victim = noBlock;
  for (const Slot& slot : slots) {
    if (slot.block == noBlock || slot.phase == Phase::decodable || blocks[slot.block].held > 0) continue;
    const std::uint64_t its = distance(slot.block);
    if (its > farthest) {
      farthest = its;
      victim = slot.block;
    }
  }
  if (victim == noBlock) return false;
  ++counts.evictedBlocks;
  release(victim);
  return true;
}

void Receiver::State::release(std::uint32_t block) {
  Block& entry = blocks[block];
  assert(entry.slot != noSlot && entry.held == 0);
  slots[entry.slot].block = noBlock;
  freeSlots.push_back(entry.slot);
  entry.slot = noSlot;
  if (entry.asked > 0) lackingBlocks.add(block);
}

void Receiver::State::releaseIfUnneeded(std::uint32_t block) {
  const Block& entry = blocks[block];
  if (entry.slot == noSlot || entry.held > 0) return;
  const Slot& slot = slots[entry.slot];
  if (slot.phase == Phase::decodable) return;
  if (slot.discard || !entry.wanted()) release(block);
}

} // namespace volley
