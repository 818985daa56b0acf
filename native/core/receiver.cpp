#include "core/receiver_state.h"
#include <algorithm>
#include <bit>
#include <cassert>
#include <stdexcept>

namespace volley {

namespace {
constexpr Time joinUnit_us = 2'000;
constexpr Time probeBase_us = 250'000;

std::uint32_t slotsNeeded(const ChunkLayout& layout) {
  std::uint32_t most = 0;
  for (std::uint32_t chunk = 0; chunk < layout.chunks(); ++chunk) {
    if (!layout.hole(chunk)) most = std::max(most, layout.lastBlock(chunk) - layout.firstBlock(chunk) + 1);
  }
  return most + limits::interleavedBlocks;
}
} // namespace

Receiver::State::State(const ReceiverConfig& receiverConfig, const ChunkLayout& chunkLayout, Time now)
    : config(receiverConfig), layout(chunkLayout), blockLayout(chunkLayout.blocks()),
      random(receiverConfig.seed), blocks(blockLayout.blocks()), slots(receiverConfig.slots),
      chunkStates(layout.chunks(), static_cast<std::uint8_t>(ChunkState::present)), fromUnicast(layout.chunks()),
      failed(layout.chunks()), ready(layout.chunks()), absent(layout.chunks()), lackingBlocks(blockLayout.blocks()),
      open(blockLayout.blocks()), clock(now), joined(now), lastHeard(now), lastStored(now),
      groupSize(std::max(1u, receiverConfig.groupSize)), reportedAt(now), sweepAt(now) {
  for (std::uint32_t i = config.slots; i > 0; --i) freeSlots.push_back(static_cast<std::uint16_t>(i - 1));
  for (std::uint32_t chunk = 0; chunk < layout.chunks(); ++chunk) {
    if (layout.hole(chunk)) continue;
    chunkStates[chunk] = static_cast<std::uint8_t>(ChunkState::unknown);
    ++counts.chunksUnknown;
    ++missingChunks;
    want(chunk);
  }
  // A joiner listens first: where data flows it need not ask. A crowd spreads over a longer time.
  const Time width = static_cast<Time>(std::bit_width(groupSize));
  backoffSpan_us = joinUnit_us * width;
  probeInterval_us = static_cast<Time>(uniform() * static_cast<double>(joinUnit_us * width * width));
  probeFrom = now;
}

// True when the datagram is of the sender start that is current now.
bool Receiver::State::hear(const Header& header, Time now) {
  if (heardAny && header.start < start) return false;
  if (!heardAny || header.start > start) {
    forgetSender();
    start = header.start;
    heardAny = true;
    highestCounter = header.counter;
    reportedCounter = header.counter - 1;
    reportedAt = now;
  } else if (header.counter > highestCounter) {
    counts.lostDatagrams += header.counter - highestCounter - 1;
    highestCounter = header.counter;
  } else if (counts.lostDatagrams > 0) {
    --counts.lostDatagrams; // it was late, not lost
  }
  ++receivedSinceReport;
  clock = std::max(clock, now);
  lastHeard = std::max(lastHeard, now);
  askedAt = never;
  probeInterval_us = probeBase_us;
  return true;
}

void Receiver::State::forgetSender() {
  open.removeRange(0, open.size());
  for (Slot& slot : slots) {
    slot.counter = 0;
    slot.onTheWay = 0;
    slot.inTurn = false;
    slot.reported = false;
  }
  highestCounter = 0;
  announceCounter = 0;
  receivedSinceReport = 0;
  transitKnown = false;
  movedUntil = 0;
  crawlsSince = never;
  restAnnounced = false;
  wholeReported = false;
  refusals.fill({});
  askAt = never;
  statusAt = never;
}

Receiver::Receiver(const ReceiverConfig& config, const ChunkLayout& layout, Time now) {
  if (config.slots < limits::receiverSlotsMin || config.slots >= noSlot || config.slots < slotsNeeded(layout)) {
    throw std::invalid_argument("A receiver of this image needs at least " +
                                std::to_string(std::max(limits::receiverSlotsMin, slotsNeeded(layout))) +
                                " block slots; it was given " + std::to_string(config.slots) + ".");
  }
  state_ = std::make_unique<State>(config, layout, now);
}
Receiver::~Receiver() = default;

Placed Receiver::onData(const Header& header, Time now) {
  State& s = *state_;
  if (!s.hear(header, now)) return {Placement::unwanted, 0, false};
  const Placed placed = s.store(header);
  switch (placed.placement) {
  case Placement::store:
    ++s.counts.stored;
    s.lastStored = now;
    break;
  case Placement::duplicate: ++s.counts.duplicates; break;
  case Placement::unwanted: ++s.counts.unwanted; break;
  case Placement::noRoom: ++s.counts.noRoom; break;
  }
  return placed;
}

std::uint32_t Receiver::place() const { return state_->lastPlace; }

void Receiver::onAnnounce(const Header& header, const Announce& announce, Time now) {
  if (state_->hear(header, now)) state_->applyAnnounce(header, announce, now);
}

DecodableBlock Receiver::decodable(std::uint32_t block) const {
  const State& s = *state_;
  assert(block < s.blocks.size() && s.blocks[block].slot != noSlot);
  const State::Slot& slot = s.slots[s.blocks[block].slot];
  assert(slot.phase == State::Phase::decodable);
  return {block, s.blocks[block].slot, {slot.places.data(), s.blockLayout.symbols(block)}};
}

void Receiver::onBlockDecoded(std::uint32_t block) {
  State& s = *state_;
  assert(block < s.blocks.size() && s.blocks[block].slot != noSlot);
  State::Slot& slot = s.slots[s.blocks[block].slot];
  assert(slot.phase == State::Phase::decodable);
  slot.phase = State::Phase::decoded;
  s.offerChunks(block);
}

std::uint32_t Receiver::slotOf(std::uint32_t block) const {
  const State::Block& entry = state_->blocks[block];
  assert(entry.slot != noSlot && state_->slots[entry.slot].phase == State::Phase::decoded);
  return entry.slot;
}

std::optional<ReadyChunk> Receiver::nextReady() {
  State& s = *state_;
  if (s.ready.empty()) return std::nullopt;
  std::uint32_t chunk = s.ready.next(s.readyFrom);
  if (chunk == s.ready.size()) chunk = s.ready.next(0);
  s.ready.remove(chunk);
  s.readyFrom = chunk;
  return ReadyChunk{chunk, s.layout.firstBlock(chunk), s.layout.lastBlock(chunk)};
}

void Receiver::onChunkDone(std::uint32_t chunk, bool good, Time time) {
  assert(chunk < state_->chunkStates.size());
  state_->finish(chunk, good);
  if (!good) state_->noteLacking(time);
}

void Receiver::onScanned(std::uint32_t chunk, bool matches, Time time) {
  State& s = *state_;
  assert(chunk < s.chunkStates.size());
  if (s.layout.hole(chunk)) return;
  const auto now = static_cast<ChunkState>(s.chunkStates[chunk]);
  const bool wanted = s.wants(chunk);
  if (wanted) s.unwant(chunk);
  if (matches && wanted) {
    s.setState(chunk, ChunkState::present);
  } else if (!matches && (wanted || now == ChunkState::present)) {
    s.setState(chunk, ChunkState::lacking);
  }
  if (!wanted && now != ChunkState::present) return;
  if (s.wants(chunk)) s.want(chunk);
  const std::uint32_t last = s.layout.lastBlock(chunk);
  for (std::uint32_t block = s.layout.firstBlock(chunk); block <= last; ++block) s.releaseIfUnneeded(block);
  s.offerAgain(chunk);
  if (!matches) s.noteLacking(time);
}

ChunkState Receiver::state(std::uint32_t chunk) const {
  return static_cast<ChunkState>(state_->chunkStates[chunk]);
}

void Receiver::setBacklog(std::uint32_t perThousand) {
  state_->driverBacklog = std::max(state_->driverBacklog, std::min(perThousand, 1000u));
}

std::optional<Report> Receiver::nextReport(Time now) {
  state_->clock = std::max(state_->clock, now);
  return state_->nextReport(now);
}

std::size_t Receiver::nextUnicast(Time now, std::span<std::uint32_t> out) {
  state_->clock = std::max(state_->clock, now);
  return state_->nextUnicast(now, out);
}

Time Receiver::wakeup() const {
  const State& s = *state_;
  if (s.missingChunks == 0) return s.left ? never : s.statusAt;
  Time at = std::min({s.askAt, s.probeAt(), s.statusAt, s.sweepAt});
  const Time silentAt = s.askedAt == never ? never : s.askedAt + s.config.silence_us;
  if (s.config.unicast && silentAt > s.clock) at = std::min(at, silentAt);
  return at;
}

bool Receiver::complete() const { return state_->missingChunks == 0; }

ReceiverStatistics Receiver::statistics() const {
  const State& s = *state_;
  ReceiverStatistics counts = s.counts;
  counts.multicastAlive = s.heardAny && !s.silent(s.clock);
  counts.moved = s.isMoved(s.clock);
  counts.slotsUsed = static_cast<std::uint32_t>(s.slots.size() - s.freeSlots.size());
  return counts;
}

} // namespace volley
