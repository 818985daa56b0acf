// Chunks: which are wanted, which are ready, and what that means for their blocks.
#include "core/receiver_state.h"
#include <algorithm>
#include <cassert>

namespace volley {

namespace {
std::uint32_t& countOf(ReceiverStatistics& counts, ChunkState state) {
  switch (state) {
  case ChunkState::unknown: return counts.chunksUnknown;
  case ChunkState::lacking: return counts.chunksLacking;
  case ChunkState::working: return counts.chunksWorking;
  default: return counts.chunksPresent;
  }
}
} // namespace

bool Receiver::State::wants(std::uint32_t chunk) const {
  const auto state = static_cast<ChunkState>(chunkStates[chunk]);
  return state == ChunkState::unknown || state == ChunkState::lacking;
}

// Counts a chunk into its blocks, by its present state.
void Receiver::State::want(std::uint32_t chunk) {
  const bool lacking = static_cast<ChunkState>(chunkStates[chunk]) == ChunkState::lacking;
  const bool asks = lacking || config.askBeforeScan;
  if (asks) absent.add(chunk);
  const std::uint32_t last = layout.lastBlock(chunk);
  for (std::uint32_t block = layout.firstBlock(chunk); block <= last; ++block) {
    Block& entry = blocks[block];
    ++(asks ? entry.asked : entry.welcome);
    if (asks && entry.slot == noSlot) lackingBlocks.add(block);
  }
}

void Receiver::State::unwant(std::uint32_t chunk) {
  const bool lacking = static_cast<ChunkState>(chunkStates[chunk]) == ChunkState::lacking;
  const bool asks = lacking || config.askBeforeScan;
  if (asks) absent.remove(chunk);
  const std::uint32_t last = layout.lastBlock(chunk);
  for (std::uint32_t block = layout.firstBlock(chunk); block <= last; ++block) {
    Block& entry = blocks[block];
    std::uint32_t& count = asks ? entry.asked : entry.welcome;
    assert(count > 0);
    --count;
    if (entry.asked == 0 && lackingBlocks.has(block)) lackingBlocks.remove(block);
  }
}

void Receiver::State::setState(std::uint32_t chunk, ChunkState state) {
  const auto before = static_cast<ChunkState>(chunkStates[chunk]);
  --countOf(counts, before);
  ++countOf(counts, state);
  if (before == ChunkState::present) ++missingChunks;
  if (state == ChunkState::present && --missingChunks == 0) leaveSoon();
  chunkStates[chunk] = static_cast<std::uint8_t>(state);
}

bool Receiver::State::allDecoded(std::uint32_t chunk) const {
  const std::uint32_t last = layout.lastBlock(chunk);
  for (std::uint32_t block = layout.firstBlock(chunk); block <= last; ++block) {
    const std::uint16_t slot = blocks[block].slot;
    if (slot == noSlot || slots[slot].phase != Phase::decoded || slots[slot].discard) return false;
  }
  return true;
}

void Receiver::State::offerChunks(std::uint32_t block) {
  const std::uint32_t end = layout.endChunk(block);
  for (std::uint32_t chunk = layout.firstChunk(block); chunk < end; ++chunk) {
    if (!layout.hole(chunk) && wants(chunk) && allDecoded(chunk)) makeReady(chunk);
  }
  releaseIfUnneeded(block);
}

void Receiver::State::makeReady(std::uint32_t chunk) {
  unwant(chunk);
  setState(chunk, ChunkState::working);
  const std::uint32_t last = layout.lastBlock(chunk);
  for (std::uint32_t block = layout.firstBlock(chunk); block <= last; ++block) ++blocks[block].held;
  ready.add(chunk);
}

void Receiver::State::finish(std::uint32_t chunk, bool good) {
  assert(static_cast<ChunkState>(chunkStates[chunk]) == ChunkState::working && !ready.has(chunk));
  const bool unicast = fromUnicast.has(chunk);
  if (unicast) fromUnicast.remove(chunk);
  if (good) {
    if (failed.has(chunk)) failed.remove(chunk);
    setState(chunk, ChunkState::present);
  } else {
    setState(chunk, ChunkState::lacking);
    failed.add(chunk);
    someOverdue = true;
    want(chunk);
  }
  const std::uint32_t last = layout.lastBlock(chunk);
  for (std::uint32_t block = layout.firstBlock(chunk); block <= last; ++block) {
    Block& entry = blocks[block];
    if (!unicast) {
      assert(entry.held > 0 && entry.slot != noSlot);
      --entry.held;
      // Any of its blocks may hold the bytes that failed it; none can be used again.
      if (!good) slots[entry.slot].discard = true;
    }
    releaseIfUnneeded(block);
  }
  offerAgain(chunk);
}

// The blocks of a chunk that is wanted again may all lie decoded in slots that its neighbours keep: then nothing more
// comes of them that would offer it.
void Receiver::State::offerAgain(std::uint32_t chunk) {
  if (wants(chunk) && allDecoded(chunk)) makeReady(chunk);
}

} // namespace volley
