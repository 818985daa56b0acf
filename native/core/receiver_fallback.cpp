// When multicast does not deliver: silence, chunks that wait too long, and a sender that has moved the receiver.
#include "core/receiver_state.h"
#include <algorithm>

namespace volley {

namespace {
constexpr std::uint8_t agesOverdue = 4;
constexpr Time sweepLeast_us = 10'000;
constexpr Time starvedWaits = 4; // waits without any useful symbol after which promises are not believed
constexpr std::uint32_t crawlKBps = 250;
constexpr std::uint32_t lossMostPerMillion = 200'000; // beyond what parity is for (sender_pacing.cpp)
} // namespace

// Only who asked can miss an answer: while a disk is scanned that lacks nothing yet, a sender has nothing to say.
bool Receiver::State::silent(Time now) const {
  if (config.silence_us == 0) return now > std::max(joined, lastHeard);
  return askedAt != never && now - askedAt >= config.silence_us;
}

// A sender that has gone down to its least rate for loss that no rate cures would take hours.
void Receiver::State::noteCrawl(Time now) {
  if (rateKBps > crawlKBps || lossPerMillion < lossMostPerMillion) crawlsSince = never;
  else if (crawlsSince == never) crawlsSince = now;
}

// Lets every block that lacks something and is not promised grow older; a stored symbol makes it young again.
void Receiver::State::sweep(Time now) {
  if (now < sweepAt) return;
  sweepAt = now + std::max(sweepLeast_us, config.chunkWait_us / agesOverdue);
  someOverdue = !failed.empty();
  const auto grow = [this](Block& block) {
    if (block.age < agesOverdue) ++block.age;
    someOverdue = someOverdue || block.age == agesOverdue;
  };
  for (std::uint32_t b = lackingBlocks.next(0); b < lackingBlocks.size(); b = lackingBlocks.next(b + 1)) {
    if (open.has(b)) {
      grow(blocks[b]);
    } else {
      blocks[b].age = 0;
    }
  }
  for (const Slot& slot : slots) {
    if (surplus(slot) > 0) grow(blocks[slot.block]);
  }
}

bool Receiver::State::overdue(std::uint32_t chunk) const {
  if (failed.has(chunk)) return true;
  const std::uint32_t last = layout.lastBlock(chunk);
  for (std::uint32_t block = layout.firstBlock(chunk); block <= last; ++block) {
    if (blocks[block].age == agesOverdue) return true;
  }
  return false;
}

bool Receiver::State::promised(std::uint32_t chunk) const {
  const std::uint32_t last = layout.lastBlock(chunk);
  for (std::uint32_t block = layout.firstBlock(chunk); block <= last; ++block) {
    const std::uint16_t slot = blocks[block].slot;
    if (slot == noSlot ? open.has(block) : surplus(slots[slot]) > 0) return false;
  }
  return true;
}

std::size_t Receiver::State::nextUnicast(Time now, std::span<std::uint32_t> out) {
  if (!config.unicast || absent.empty()) return 0;
  sweep(now);
  const bool starved = now - std::max(joined, lastStored) >= starvedWaits * config.chunkWait_us;
  const bool crawls = crawlsSince != never && now - crawlsSince >= config.chunkWait_us;
  const bool everything = silent(now) || starved || crawls;
  if (!everything && !isMoved(now) && !someOverdue) return 0;
  std::size_t count = 0;
  std::uint32_t chunk = absent.next(unicastFrom);
  // One lap over what is absent, from where the last call stopped.
  for (std::uint32_t left = absent.count(); left > 0 && count < out.size(); --left) {
    if (chunk == absent.size()) chunk = absent.next(0);
    const std::uint32_t here = chunk;
    chunk = absent.next(chunk + 1);
    if (!everything && !overdue(here) && !(isMoved(now) && !promised(here))) continue;
    unwant(here);
    setState(here, ChunkState::working);
    fromUnicast.add(here);
    const std::uint32_t last = layout.lastBlock(here);
    for (std::uint32_t block = layout.firstBlock(here); block <= last; ++block) releaseIfUnneeded(block);
    out[count++] = here;
  }
  unicastFrom = chunk == absent.size() ? 0 : chunk;
  return count;
}

} // namespace volley
