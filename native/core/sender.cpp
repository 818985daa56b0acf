#include "core/sender.h"
#include "core/sender_members.h"
#include "core/sender_pacing.h"
#include "core/sender_schedule.h"
#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

namespace volley {

namespace {
constexpr std::uint64_t datagramsBetweenAnnounces = 16 * limits::symbolsPerBlock;
constexpr std::uint64_t datagramsPerAnnounceLeast = 100; // so that announces stay within 1 % while data flows
constexpr Time announceSpacingLeast_us = 5'000;
constexpr Time announceSpacing_us = 20'000; // receivers measure delay by them
constexpr Time announceSpacingMost_us = 250'000;
constexpr Time closingDelays_us[] = {2'000, 50'000, 200'000};
constexpr std::uint32_t closingAnnounces = 3;
constexpr Time closingAgain_us = 250'000;
constexpr std::uint32_t recentBlocks = 64; // before the carousel: where repairs are
constexpr Time backoffUnit_us = 3'000;
constexpr double feedbackShare = 0.015; // of the data datagrams, for statuses
constexpr Time statusIntervalLeast_us = 10'000;
constexpr Time statusIntervalMost_us = 60'000'000;
constexpr std::uint32_t largeReportBlocks = 4096;
constexpr Time largeReportSpacing_us = 20'000;
} // namespace

struct Sender::State {
  State(const SenderConfig& senderConfig, const BlockLayout& blockLayout, Time now)
      : config(senderConfig), layout(blockLayout), schedule(layout),
        members(senderConfig.budget, blockLayout.firstSymbol(blockLayout.blocks())), pacing(senderConfig, now),
        clock(now) {}

  SenderConfig config;
  BlockLayout layout;
  SenderSchedule schedule;
  SenderMembers members;
  SenderPacing pacing;
  Announce announce{};
  SenderStatistics counts{};
  Time clock;
  std::uint64_t counter = 0; // the last one assigned
  Time announcedAt = 0;
  std::uint64_t announcedAtData = 0;
  std::uint32_t announceFrom = 0; // where the next announce that cannot cover everything begins
  bool recentNext = true;
  bool askedSince = true; // a report changed what is owed since the last announce
  std::uint32_t closingLeft = 0;
  Time closingAt = never;

  void takeRuns(Member& member, const Report& report, Time now);
  bool takeRun(Member& member, const Run& run, std::uint64_t highest, Time now);
  void closeAgain(Time now);
  bool announceDue(Time now) const;
  Time announceAt() const;
  void buildAnnounce(Time now);
  Time statusInterval() const;
  void afterData(Time now);
};

void Sender::State::takeRuns(Member& member, const Report& report, Time now) {
  const std::uint32_t blocks = layout.blocks();
  std::uint64_t walked = 0;
  for (const Run& run : report.runs) walked += std::min(run.count, blocks);
  // A walk over a large image costs time: no receiver can ask for one with every datagram.
  if (walked > largeReportBlocks) {
    if (member.lastLargeReport != 0 && now - member.lastLargeReport < largeReportSpacing_us) {
      ++counts.reportsIgnored;
      return;
    }
    member.lastLargeReport = now;
  }
  // A counter that was never sent says that nothing was received of what was.
  const std::uint64_t highest = report.highestCounter <= counter ? report.highestCounter : 0;
  std::uint64_t left = blocks;
  for (Run run : report.runs) {
    if (run.first >= blocks || run.symbols == 0) continue;
    run.count = static_cast<std::uint32_t>(std::min<std::uint64_t>({run.count, blocks - run.first, left}));
    left -= run.count;
    if (!takeRun(member, run, highest, now)) {
      ++counts.reportsIgnored;
      return;
    }
  }
}

// False when the member has used up what it may ask for.
bool Sender::State::takeRun(Member& member, const Run& run, std::uint64_t highest, Time now) {
  for (std::uint32_t block = run.first; block < run.first + run.count; ++block) {
    const std::uint32_t lacked = std::min<std::uint32_t>(run.symbols, layout.symbols(block));
    const std::uint32_t wanted = schedule.newsFor(block, lacked);
    const std::uint32_t sent = schedule.sentSince(block, highest);
    if (wanted <= sent) {
      if (wanted > 0) closeAgain(now);
      continue;
    }
    const std::uint32_t symbols = wanted - sent;
    const bool repair = schedule.isRepair(block, symbols);
    const std::uint32_t cost = schedule.costOf(block, symbols);
    if (cost > 0 && !members.charge(member, cost, repair, counts.dataDatagrams, now)) return false;
    if (cost > 0) {
      askedSince = true;
      closingLeft = closingAnnounces;
      closingAt = never;
    }
    schedule.raise(block, symbols);
  }
  return true;
}

// Whoever has lost the end, and every closing announce with it, takes it for still on its way and has to hear that it is not.
void Sender::State::closeAgain(Time now) {
  if (schedule.blocksPending() > 0 || closingLeft > 0 || now - announcedAt < closingAgain_us) return;
  closingLeft = 1;
  closingAt = now;
}

Time Sender::State::statusInterval() const {
  const double datagramsPerSecond = static_cast<double>(pacing.rate()) / config.datagramBytes;
  const double interval = counts.receivers / (feedbackShare * datagramsPerSecond) * 1e6;
  return static_cast<Time>(std::clamp(interval, 1.0 * statusIntervalLeast_us, 1.0 * statusIntervalMost_us));
}

// When the next announce is due if no datagram goes out before.
Time Sender::State::announceAt() const {
  if (schedule.blocksPending() == 0) return closingLeft > 0 ? closingAt : never;
  if (announcedAt == 0) return 0;
  const std::uint64_t since = counts.dataDatagrams - announcedAtData;
  if (since >= datagramsBetweenAnnounces) return announcedAt + announceSpacingLeast_us;
  if (since < datagramsPerAnnounceLeast) return announcedAt + announceSpacingMost_us;
  return announcedAt + (askedSince ? announceSpacingLeast_us : announceSpacing_us);
}

bool Sender::State::announceDue(Time now) const { return announceAt() <= now; }

void Sender::State::buildAnnounce(Time now) {
  counts.receivers = members.active(counts.dataDatagrams, now);
  const Time interval_us = statusInterval();
  const double datagramsPerSecond = static_cast<double>(pacing.rate()) / config.datagramBytes;
  members.setStatusInterval(interval_us, datagramsPerSecond * static_cast<double>(interval_us) / 1e6);
  const std::uint32_t people = std::max(counts.receivers, 1u);
  announce.senderTime_us = now;
  announce.rateKBps = static_cast<std::uint32_t>(std::min<std::uint64_t>(pacing.rate() / 1000, 0xffffffff));
  announce.statusInterval_ms = static_cast<std::uint32_t>(interval_us / 1000);
  announce.backoff_us = static_cast<std::uint32_t>(backoffUnit_us * static_cast<Time>(std::bit_width(people)));
  announce.receivers = counts.receivers;
  members.listMoved(limits::movedPerAnnounce, now, announce.moved);
  // What the moved take, the runs do not have: four bytes each, ten a run.
  const std::size_t most = runsThatFit(layout.symbolBytes()) - (announce.moved.size() * 4 + 9) / 10;
  // Where not everything fits, every other announce is about the blocks sent lately, where the repairs are.
  const std::uint32_t carousel = schedule.carouselAt();
  const bool recent = recentNext && announceFrom != 0;
  announce.coverFrom = recent ? carousel - std::min(carousel, recentBlocks) : announceFrom;
  announce.coverCount = schedule.describe(announce.coverFrom, most, announce.runs);
  if (announce.coverCount == layout.blocks()) {
    announceFrom = 0;
    recentNext = true;
  } else {
    if (!recent) announceFrom = (announce.coverFrom + announce.coverCount) % layout.blocks();
    recentNext = !recentNext;
  }
  announcedAt = now;
  announcedAtData = counts.dataDatagrams;
  askedSince = false;
  if (schedule.blocksPending() == 0 && closingLeft > 0) {
    --closingLeft;
    closingAt = closingLeft > 0 ? now + closingDelays_us[closingAnnounces - closingLeft] : never;
  }
}

void Sender::State::afterData(Time now) {
  if (schedule.blocksPending() > 0) return;
  closingLeft = closingAnnounces;
  closingAt = now + closingDelays_us[0];
}

Sender::Sender(const SenderConfig& config, const BlockLayout& layout, Time now)
    : state_(std::make_unique<State>(config, layout, now)) {
  assert(config.symbolBytes == layout.symbolBytes() && config.datagramBytes >= config.symbolBytes);
}
Sender::~Sender() = default;

void Sender::onReport(const Report& report, Time now) {
  State& s = *state_;
  s.clock = std::max(s.clock, now);
  ++s.counts.reports;
  Member* member = s.members.onReport(report, s.counts.dataDatagrams, s.clock);
  if (member == nullptr) {
    ++s.counts.reportsIgnored;
    return;
  }
  s.members.settle(*member, s.counts.dataDatagrams, s.clock);
  if (s.schedule.blocksPending() > 0) s.pacing.evaluate(s.members, s.statusInterval(), s.counter, s.clock);
  if (report.runs.empty()) return;
  if (member->moved) {
    ++s.counts.reportsIgnored;
    return;
  }
  s.takeRuns(*member, report, s.clock);
}

void Sender::setRate(std::uint64_t rateBytesPerSecondMax) { state_->pacing.setMax(rateBytesPerSecondMax); }

void Sender::setMoved(std::uint32_t receiver, bool moved) { state_->members.setMoved(receiver, moved); }

std::size_t Sender::next(Time now, std::span<Emission> out) {
  State& s = *state_;
  s.clock = std::max(s.clock, now);
  s.pacing.advance(s.counter, s.clock);
  std::size_t count = 0;
  while (count < out.size()) {
    const bool announces = s.announceDue(s.clock);
    if (!announces && s.schedule.blocksPending() == 0) break;
    if (!s.pacing.take()) break;
    if (announces) {
      s.buildAnnounce(s.clock);
      out[count++] = {true, ++s.counter, 0, 0, 0};
      ++s.counts.announceDatagrams;
      // The driver carries out an announce as it stands, so nothing that changes it may follow in one call.
      break;
    }
    Emission& emission = out[count++];
    const bool picked = s.schedule.pick(++s.counter, emission);
    assert(picked);
    (void)picked;
    ++s.counts.dataDatagrams;
    ++(emission.symbol < s.layout.symbols(emission.block) ? s.counts.sourceSymbols : s.counts.paritySymbols);
    s.afterData(s.clock);
  }
  return count;
}

const Announce& Sender::announce() const { return state_->announce; }

Time Sender::wakeup() const {
  const State& s = *state_;
  const Time announceAt = s.announceAt();
  if (s.schedule.blocksPending() == 0 && announceAt == never) return never;
  const Time paced = s.pacing.wakeup(s.clock);
  return s.schedule.blocksPending() > 0 ? paced : std::max(paced, announceAt);
}

SenderStatistics Sender::statistics() const {
  const State& s = *state_;
  SenderStatistics counts = s.counts;
  counts.receivers = s.members.known();
  counts.blocksPending = s.schedule.blocksPending();
  counts.rateBytesPerSecond = s.pacing.rate();
  counts.limit = s.schedule.blocksPending() == 0 ? Limit::nothing : s.pacing.limit();
  counts.limitingReceiver = s.pacing.limitingReceiver();
  return counts;
}

const std::vector<std::uint32_t>& Sender::overBudget() const { return state_->members.overBudget(); }

bool Sender::idle() const { return state_->schedule.blocksPending() == 0; }

} // namespace volley
