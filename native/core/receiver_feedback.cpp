// What the receiver knows of the sender's intentions, and when it speaks up: docs/PROTOCOL.md 5.
#include "core/receiver_state.h"
#include "core/sender_schedule.h"
#include <algorithm>
#include <bit>
#include <cmath>

namespace volley {

namespace {
constexpr Time backoffUnit_us = 3'000;
constexpr Time latestPossible_us = 5'000'000;
constexpr Time patienceLeast_us = 10'000;
constexpr Time patienceMost_us = 2'000'000;
constexpr Time patienceGrowth = 16;
constexpr std::uint32_t ignoredReportsFew = 12;
constexpr Time probeLeast_us = 250'000;
constexpr Time probeMost_us = 2'000'000;
constexpr Time probePerReceiver_us = 200;
constexpr Time movedHold_us = 3'000'000;
constexpr Time statusLeast_us = 10'000; // whatever is announced, nobody is made to report more often
constexpr Time siteGroupHold_us = 10'000'000; // how long the site's count of receivers is believed over the sender's
constexpr std::uint16_t underWay = 8; // symbols still coming above which a block is not judged yet
constexpr double feedbackShare = 0.015;
constexpr double biasOfNeed = 0.7; // the worst off wait only the rest of their back-off
constexpr std::uint64_t sampleDatagrams = 64;
constexpr Time sampleLeast_us = 5'000;
constexpr std::uint32_t leaveAlways = 256; // in groups up to this size who is done says so in any case
constexpr Time leavePerReceiver_us = 100;
constexpr std::uint64_t wireOverhead = limits::headerBytes + limits::tagBytes + 28;
} // namespace

void Receiver::State::applyAnnounce(const Header& header, const Announce& announce, Time now) {
  if (header.counter < announceCounter) return;
  announceCounter = header.counter;
  rateKBps = announce.rateKBps;
  noteCrawl(now);
  statusInterval_us = Time{announce.statusInterval_ms} * 1000;
  groupSize = std::max(1u, announce.receivers);
  if (now - joined < siteGroupHold_us) groupSize = std::max(groupSize, config.groupSize);
  backoffSpan_us = std::max<Time>(announce.backoff_us, backoffUnit_us * static_cast<Time>(std::bit_width(groupSize)));
  backoffSpan_us = std::min(backoffSpan_us, patienceMost_us);

  // The lowest transit may rise by a ten-thousandth, which is more than two clocks drift apart. The sender's clock is any
  // number at all: transits are compared modulo 2^64, as what lies nearer.
  const Time transit = now - announce.senderTime_us;
  if (transitKnown) leastTransit_us += (now - transitAt) / 10'000;
  // No network is that late: a clock has jumped, or a liar has told of one, and what was lowest means nothing any more.
  const bool jumped = transitKnown && transit - leastTransit_us > latestPossible_us;
  if (!transitKnown || jumped || static_cast<std::int64_t>(transit - leastTransit_us) < 0) leastTransit_us = transit;
  transitKnown = true;
  transitAt = now;
  delay_us = static_cast<std::uint32_t>(std::min<Time>(transit - leastTransit_us, 0xffffffff));

  if (std::find(announce.moved.begin(), announce.moved.end(), config.receiver) != announce.moved.end()) {
    movedUntil = now + movedHold_us;
  } else if (announce.moved.size() < limits::movedPerAnnounce) {
    movedUntil = now; // the list is whole
  }
  restAnnounced = announce.runs.empty() && announce.coverCount >= blocks.size();
  // The group that counts is the one of now: who is asked about next may be the only one that stayed.
  if (restAnnounced && missingChunks == 0 && groupSize > leaveAlways) left = true;
  applyRuns(header.counter, announce);
  if (statusAt == never) statusAt = now + static_cast<Time>(uniform() * static_cast<double>(statusPeriod()));
  judge(now);
}

void Receiver::State::applyRuns(std::uint64_t counter, const Announce& announce) {
  const auto total = static_cast<std::uint32_t>(blocks.size());
  if (announce.coverFrom >= total) return;
  const std::uint32_t covered = std::min(announce.coverCount, total);
  const std::uint32_t before = std::min(covered, total - announce.coverFrom);
  open.addRange(announce.coverFrom, before);
  open.addRange(0, covered - before);
  coverSlots(counter, announce.coverFrom, before, 0);
  coverSlots(counter, 0, covered - before, 0);
  for (const Run& run : announce.runs) applyRun(counter, run);
}

void Receiver::State::applyRun(std::uint64_t counter, const Run& run) {
  const auto total = static_cast<std::uint32_t>(blocks.size());
  if (run.first >= total) return;
  const std::uint32_t count = std::min(run.count, total - run.first);
  // All or much of these comes by itself: as a turn in the carousel, or as what is left of one.
  if (run.symbols > repairLimit(blockLayout.symbols(run.first))) open.removeRange(run.first, count);
  coverSlots(counter, run.first, count, run.symbols);
}

// Notes in the slots of a range of blocks what is on its way, unless they know from a later datagram.
void Receiver::State::coverSlots(std::uint64_t counter, std::uint32_t first, std::uint32_t count,
                                 std::uint16_t symbols) {
  const auto note = [&](Slot& slot) {
    if (counter < slot.counter) return;
    slot.counter = counter;
    slot.onTheWay = symbols & ~comesInTurn;
    slot.inTurn = (symbols & comesInTurn) != 0;
  };
  if (count <= 16) {
    for (std::uint32_t block = first; block < first + count; ++block) {
      if (blocks[block].slot != noSlot) note(slots[blocks[block].slot]);
    }
    return;
  }
  for (Slot& slot : slots) {
    if (slot.block >= first && slot.block - first < count) note(slot);
  }
}

// How many symbols of a slot's block will not come unless asked for. While many are under way the losses are not
// counted yet, so that they go into one report.
std::uint32_t Receiver::State::surplus(const Slot& slot) const {
  if (slot.block == noBlock || slot.phase != Phase::filling || blocks[slot.block].asked == 0) return 0;
  const std::uint32_t k = blockLayout.symbols(slot.block);
  if (slot.onTheWay > underWay) return 0;
  const std::uint32_t deficit = k - slot.have;
  if (deficit <= slot.onTheWay) return 0;
  const std::uint32_t beyond = deficit - slot.onTheWay;
  // A few symbols are asked for at once; for many the block's turn is worth waiting for.
  return slot.inTurn && beyond > repairLimit(k) ? 0 : beyond;
}

void Receiver::State::judge(Time now) {
  std::uint32_t worst = 0;
  for (const Slot& slot : slots) worst = std::max(worst, surplus(slot));
  if (lackingBlocks.nextCommon(0, open) < open.size()) worst = limits::symbolsPerBlock;
  if (worst == 0) {
    askAt = never;
  } else if (askAt == never) {
    askAt = std::max(now + backoff(worst), askNotBefore);
  }
}

// The disk was found to lack something the last announce had no reason to be judged by.
void Receiver::State::noteLacking(Time now) {
  if (askAt == never && lackingBlocks.nextCommon(0, open) < open.size()) {
    askAt = std::max(now + backoff(limits::symbolsPerBlock), askNotBefore);
  }
}

bool Receiver::State::asksAnything() const {
  if (!lackingBlocks.empty()) return true;
  return std::any_of(slots.begin(), slots.end(), [this](const Slot& slot) {
    return slot.block != noBlock && slot.phase == Phase::filling && blocks[slot.block].asked > 0;
  });
}

// Most of a large group draws a time near the end of the span, few an early one (RFC 5401), and whoever lacks more
// draws earlier, so that one report speaks for many.
Time Receiver::State::backoff(std::uint32_t worst) {
  const double lambda = std::log(static_cast<double>(groupSize)) + 1;
  const double share = std::log1p(uniform() * std::expm1(lambda)) / lambda;
  const double need = std::min(1.0, std::log2(1.0 + worst) / std::log2(1.0 + limits::symbolsPerBlock / 4.0));
  return static_cast<Time>(static_cast<double>(backoffSpan_us) * share * (1 - biasOfNeed * need));
}

// Nothing of what the last report asked for has come, nor was announced: it was lost, or is ignored.
bool Receiver::State::unanswered() const {
  bool asked = wholeReported;
  if (wholeReported && !(lackingBlocks.has(firstWholeReported) && open.has(firstWholeReported))) return false;
  for (const Slot& slot : slots) {
    if (slot.block == noBlock || !slot.reported) continue;
    if (slot.have != slot.haveReported || surplus(slot) == 0) return false;
    asked = true;
  }
  return asked;
}

void Receiver::State::collectRuns(std::vector<Run>& runs, std::size_t most) {
  std::vector<Run> parts;
  for (Slot& slot : slots) {
    slot.reported = surplus(slot) > 0;
    if (!slot.reported) continue;
    slot.haveReported = slot.have;
    const std::uint32_t deficit = blockLayout.symbols(slot.block) - slot.have;
    parts.push_back({slot.block, 1, static_cast<std::uint16_t>(deficit)});
  }
  std::sort(parts.begin(), parts.end(), [](const Run& left, const Run& right) { return left.first < right.first; });
  wholeReported = false;
  const bool alsoWhole = lackingBlocks.nextCommon(0, open) < open.size();
  const std::size_t reserved = alsoWhole ? most / 4 : 0;
  for (const Run& part : parts) {
    Run* last = runs.empty() ? nullptr : &runs.back();
    if (last != nullptr && last->first + last->count == part.first && last->symbols == part.symbols) {
      ++last->count;
    } else if (runs.size() + reserved < most) {
      runs.push_back(part);
    }
  }
  if (!alsoWhole) return;
  const std::size_t before = runs.size();
  if (scarce) {
    collectScarce(runs, most);
  } else {
    collectWholeRuns(runs, most);
  }
  wholeReported = runs.size() > before;
  if (wholeReported) firstWholeReported = runs[before].first;
}

void Receiver::State::collectWholeRuns(std::vector<Run>& runs, std::size_t most) {
  std::uint32_t block = lackingBlocks.nextCommon(0, open);
  while (block < open.size() && runs.size() < most) {
    const std::uint32_t end = std::min(lackingBlocks.nextAbsent(block), open.nextAbsent(block));
    runs.push_back({block, end - block, wholeBlock});
    block = lackingBlocks.nextCommon(end, open);
  }
}

// With a disk slower than the sender, asking for everything again and again would cost the room the image many
// times over. So: what completes chunks that are begun, and beyond that what there are free slots for.
void Receiver::State::collectScarce(std::vector<Run>& runs, std::size_t most) {
  std::vector<std::uint32_t> asks;
  const auto add = [&](std::uint32_t chunk) {
    if (layout.hole(chunk) || !wants(chunk)) return;
    const std::uint32_t last = layout.lastBlock(chunk);
    for (std::uint32_t block = layout.firstBlock(chunk); block <= last; ++block) {
      if (lackingBlocks.has(block) && open.has(block)) asks.push_back(block);
    }
  };
  for (const Slot& slot : slots) {
    if (slot.block == noBlock) continue;
    add(layout.firstChunk(slot.block));
    add(layout.endChunk(slot.block) - 1);
  }
  std::sort(asks.begin(), asks.end());
  asks.erase(std::unique(asks.begin(), asks.end()), asks.end());
  std::uint32_t block = lackingBlocks.nextCommon(0, open);
  const std::size_t room = freeSlots.size();
  while (asks.size() < room && block < open.size()) {
    asks.push_back(block);
    block = lackingBlocks.nextCommon(block + 1, open);
  }
  std::sort(asks.begin(), asks.end());
  asks.erase(std::unique(asks.begin(), asks.end()), asks.end());
  for (const std::uint32_t ask : asks) {
    Run* last = runs.empty() ? nullptr : &runs.back();
    if (last != nullptr && last->symbols == wholeBlock && last->first + last->count == ask) {
      ++last->count;
    } else if (runs.size() < most) {
      runs.push_back({ask, 1, wholeBlock});
    }
  }
}

Time Receiver::State::statusPeriod() const {
  const double datagramsPerSecond =
      std::max(1.0, rateKBps * 1e3 / static_cast<double>(blockLayout.symbolBytes() + wireOverhead));
  const double least = groupSize / (feedbackShare * datagramsPerSecond) * 1e6;
  return std::max({statusLeast_us, statusInterval_us, static_cast<Time>(std::min(least, 60e6))});
}

Report Receiver::State::makeReport(bool status, Time now) {
  const std::uint64_t expected = highestCounter - reportedCounter;
  // From arrival to arrival, whenever somebody looks: a rate must not depend on how often that is.
  const Time elapsed_us = lastHeard > reportedAt ? lastHeard - reportedAt : 0;
  if (expected >= sampleDatagrams && elapsed_us >= sampleLeast_us) {
    const std::uint64_t lost = expected > receivedSinceReport ? expected - receivedSinceReport : 0;
    lossPerMillion = static_cast<std::uint32_t>(lost * 1'000'000 / expected);
    const std::uint64_t bytes = receivedSinceReport * (blockLayout.symbolBytes() + wireOverhead);
    receivedKBps = static_cast<std::uint32_t>(bytes * 1000 / elapsed_us);
    reportedCounter = highestCounter;
    receivedSinceReport = 0;
    reportedAt = lastHeard;
  }
  // Slots that wait for the disk are a backlog that a slower sender helps. Those that wait for repair are one when
  // they are most of all there are: then more comes in the time that a repair takes than there is room for.
  const auto all = static_cast<std::uint32_t>(slots.size());
  std::uint32_t held = 0;
  for (const Slot& slot : slots) held += slot.block != noBlock && blocks[slot.block].held > 0;
  const std::uint32_t used = all - static_cast<std::uint32_t>(freeSlots.size());
  const std::uint32_t heldPerThousand = std::max(held * 1000 / all, used > all / 2 ? (2 * used - all) * 1000 / all : 0);
  Report report{};
  report.receiver = config.receiver;
  report.status = status;
  report.highestCounter = highestCounter;
  report.delay_us = delay_us;
  report.lossPerMillion = lossPerMillion;
  report.receivedKBps = receivedKBps;
  report.backlogPerThousand = std::max(driverBacklog, heldPerThousand);
  driverBacklog = 0;
  report.lackingBlocks = lackingBlocks.count();
  for (const Slot& slot : slots) {
    if (slot.block != noBlock && slot.phase == Phase::filling && blocks[slot.block].asked > 0) ++report.lackingBlocks;
  }
  // Chunks not yet on the disk may have all their blocks: the receiver stays until it has none to ask for.
  if (report.lackingBlocks == 0 && missingChunks > 0) report.lackingBlocks = 1;
  const double spread = 0.75 + 0.5 * uniform();
  statusAt = now + static_cast<Time>(spread * static_cast<double>(statusPeriod()));
  spokeAt = now;
  ++counts.reportsSent;
  return report;
}

Time Receiver::State::probeAt() const { return std::max(probeFrom, lastHeard) + probeInterval_us; }

// Who is done says so without waiting for its turn, though not everybody in one instant. Large groups have no room for it.
void Receiver::State::leaveSoon() {
  if (statusAt == never || groupSize > leaveAlways) return;
  const double span_us = static_cast<double>(leavePerReceiver_us * groupSize);
  statusAt = std::min(statusAt, clock + static_cast<Time>(uniform() * span_us));
}

std::optional<Report> Receiver::State::nextReport(Time now) {
  if (missingChunks == 0) {
    if (left || now < statusAt) return std::nullopt;
    left = true;
    if (restAnnounced && groupSize > leaveAlways) return std::nullopt;
    Report report = makeReport(true, now);
    report.leaving = true;
    return report;
  }
  left = false;
  sweep(now);
  const bool probes = now >= probeAt();
  if (probes) {
    // Nothing is heard any more: what had been promised is not coming.
    probeFrom = now;
    const Time base = std::clamp<Time>(probePerReceiver_us * groupSize, probeLeast_us, probeMost_us);
    probeInterval_us = asksAnything() ? std::clamp(2 * probeInterval_us, base, probeMost_us) : base;
    probeInterval_us = static_cast<Time>(static_cast<double>(probeInterval_us) * (0.75 + 0.25 * uniform()));
    open.addRange(0, open.size());
    for (Slot& slot : slots) {
      slot.onTheWay = 0;
      slot.inTurn = false;
    }
  }
  if (probes || now >= askAt) {
    askAt = never;
    const bool ignored = unanswered();
    Report report{};
    std::vector<Run> runs;
    collectRuns(runs, runsThatFit(blockLayout.symbolBytes()));
    const Time least_us = std::max(patienceLeast_us, backoffSpan_us);
    // The odd answer is lost; one that never comes is not worth asking for often.
    ignoredReports = ignored ? ignoredReports + 1 : 0;
    const Time soon_us = std::min(patienceMost_us, patienceGrowth * least_us);
    const Time most_us = ignoredReports <= ignoredReportsFew ? soon_us : patienceMost_us;
    patience_us = ignored ? std::min(std::max(2 * patience_us, least_us), most_us) : least_us;
    askNotBefore = now + patience_us;
    if (!runs.empty()) {
      report = makeReport(false, now);
      report.runs = std::move(runs);
      if (askedAt == never) askedAt = now;
      return report;
    }
  }
  if (now >= statusAt) {
    // A sender that has fallen silent since has no use for it.
    if (!restAnnounced && lastHeard > spokeAt) return makeReport(true, now);
    statusAt = now + statusPeriod();
  }
  return std::nullopt;
}

} // namespace volley
