// Drives the sender machine and keeps its books beside it: every call is followed by the invariants that any
// driver relies on, whatever the reports said.
#pragma once
#include "core/limits.h"
#include "core/sender.h"
#include "fuzz_input.h"
#include <array>
#include <sanitizer/allocator_interface.h>
#include <vector>

namespace volley_fuzz {

using volley::BlockLayout;
using volley::Emission;
using volley::Report;
using volley::Run;
using volley::Sender;
using volley::SenderConfig;
using volley::Time;
namespace limits = volley::limits;

class SenderDriver {
public:
  SenderDriver(const SenderConfig& config, const BlockLayout& layout, Time start)
      : config_(config), layout_(layout), sender_(config, layout, start), now_(start), askedAt_(start),
        nextSymbol_(layout.blocks()), heldAtStart_(__sanitizer_get_current_allocated_bytes()) {
    rate_ = sender_.statistics().rateBytesPerSecond + 1;
    creditBytes_ = static_cast<double>(config.datagramBytes) + static_cast<double>(rate_) / 500 + 1;
  }

  Time now() const { return now_; }
  std::uint64_t counter() const { return counter_; }
  std::uint64_t dataSent() const { return dataSent_; }
  const BlockLayout& layout() const { return layout_; }

  void report(const Report& report) {
    sender_.onReport(report, now_);
    // Nothing is sent that nobody asked for.
    for (const Run& run : report.runs) {
      if (run.first >= layout_.blocks()) continue;
      const std::uint32_t count = std::min(run.count, layout_.blocks() - run.first);
      for (std::uint32_t block = run.first; block < run.first + count; ++block) {
        const std::uint32_t k = layout_.symbols(block);
        askedFor_ += std::max(std::min<std::uint32_t>(run.symbols, k), k / 3 + 1);
      }
    }
    takeRate();
  }

  void setRate(std::uint64_t rateBytesPerSecondMax) {
    sender_.setRate(rateBytesPerSecondMax);
    config_.rateBytesPerSecondMax = rateBytesPerSecondMax;
    takeRate();
  }

  void advance(Time by_us) {
    creditBytes_ += static_cast<double>(rate_) * static_cast<double>(by_us) / 1e6;
    now_ += by_us;
  }

  // One call as the engine makes it; the number of emissions.
  std::size_t next(std::size_t most) {
    std::array<Emission, 176> orders;
    askedAt_ = now_;
    const std::size_t count = sender_.next(now_, {orders.data(), std::min(most, orders.size())});
    hold(count <= most, "no more orders than there is room for");
    for (std::size_t i = 0; i < count; ++i) {
      hold(orders[i].counter == counter_ + 1, "counters go up by one, with no gap and no repeat");
      counter_ = orders[i].counter;
      if (orders[i].announce) {
        hold(i + 1 == count, "an announce is the last order of a call");
        checkAnnounce(sender_.announce());
      } else {
        checkData(orders[i]);
      }
    }
    creditBytes_ -= static_cast<double>(count * config_.datagramBytes);
    hold(creditBytes_ > -1 - 1e-6 * static_cast<double>(counter_ * config_.datagramBytes),
         "the pacing is kept");
    hold(dataSent_ <= askedFor_, "no more symbols are sent than were asked for");
    const volley::SenderStatistics counts = sender_.statistics();
    hold(counts.dataDatagrams == dataSent_ &&
             counts.dataDatagrams == counts.sourceSymbols + counts.paritySymbols,
         "the statistics count what was sent");
    hold((counts.blocksPending == 0) == sender_.idle(), "idle means that nothing is pending");
    if (count == 0 && most > 0) {
      hold(sender_.wakeup() > now_, "a sender that has nothing to send now waits for something");
      if (sender_.wakeup() == volley::never) hold(sender_.idle(), "whoever owes something wakes up");
    }
    return count;
  }

  // By its own wake-ups, until it is silent, `until`, or so many emissions.
  void run(Time until, std::size_t emissions) {
    while (emissions > 0) {
      const std::size_t count = next(limits::burstDatagrams);
      emissions -= std::min(emissions, count);
      if (count > 0) continue;
      const Time at = sender_.wakeup();
      if (at == volley::never || at > until) return;
      advance(at - now_);
    }
  }

  // Nobody asks any more: it sends what it owes, says so, and then nothing for ever.
  void endsInSilence() {
    setRate(0);
    const std::uint64_t before = counter_;
    const std::uint64_t owedMost = std::uint64_t{layout_.blocks()} * 3 * limits::symbolsPerBlock;
    while (sender_.wakeup() != volley::never) {
      if (next(limits::burstDatagrams) > 0) continue;
      if (sender_.wakeup() != volley::never) advance(sender_.wakeup() - now_);
      // Announces go out at least every 250 ms while something is owed, and three times after.
      hold(counter_ - before <= 2 * owedMost + 100, "what is owed ends");
    }
    hold(sender_.idle(), "a sender that waits for nothing owes nothing");
    for (const Time later : {Time{1}, Time{1'000'000}, Time{1} << 40}) {
      advance(later);
      hold(next(limits::burstDatagrams) == 0 && sender_.wakeup() == volley::never,
           "silence is kept until a report");
    }
  }

  void checkMemory(std::size_t receivers) const {
    const std::size_t held = __sanitizer_get_current_allocated_bytes();
    hold(held < heldAtStart_ + 64 * 1024 + receivers * 1024, "memory is bounded by the receivers it knows");
  }

private:
  void takeRate() {
    std::uint64_t rate = sender_.statistics().rateBytesPerSecond;
    constexpr std::uint64_t least = 64'000;
    const std::uint64_t most = config_.rateBytesPerSecondMax;
    hold(most == 0 || rate <= std::max(least, most), "the rate stays under what policy sets");
    hold(rate > 0, "the rate is never nothing");
    ++rate; // the statistics cut off the fraction
    // The machine fills its bucket when it is asked next: for the whole time since, at the rate it has by
    // then.
    if (rate > rate_)
      creditBytes_ += static_cast<double>(rate - rate_) * static_cast<double>(now_ - askedAt_) / 1e6;
    rate_ = rate;
  }

  void checkData(const Emission& order) {
    hold(order.block < layout_.blocks() && order.symbol < limits::symbolNumbers,
         "a symbol is of a block that is there");
    hold(order.remaining <= limits::symbolsPerBlock, "a turn brings at most a block");
    hold(order.symbol == nextSymbol_[order.block] || order.symbol == 0,
         "symbol numbers go in order, or begin again");
    nextSymbol_[order.block] = (order.symbol + 1u) % limits::symbolNumbers;
    ++dataSent_;
  }

  void checkAnnounce(const volley::Announce& announce) const {
    const std::uint32_t blocks = layout_.blocks();
    const std::size_t bytes = 28 + announce.runs.size() * 10 + announce.moved.size() * 4;
    hold(bytes <= layout_.symbolBytes(), "an announce fits a datagram");
    hold(announce.moved.size() <= limits::movedPerAnnounce, "the moved are listed a few at a time");
    hold(announce.coverFrom < blocks && announce.coverCount >= 1 && announce.coverCount <= blocks,
         "an announce covers blocks that are there");
    for (const Run& run : announce.runs) {
      hold(run.count >= 1 && run.first < blocks && run.count <= blocks - run.first,
           "a run is of blocks that are there");
      const std::uint32_t from = (run.first + blocks - announce.coverFrom) % blocks;
      hold(from + run.count <= announce.coverCount, "a run is of blocks that are covered");
      hold((run.symbols & ~volley::comesInTurn) <= limits::symbolsPerBlock,
           "a run announces at most a block");
      hold(run.symbols != 0, "a run announces something");
    }
  }

  SenderConfig config_;
  BlockLayout layout_;
  Sender sender_;
  Time now_;
  Time askedAt_; // when `next` was last called
  std::uint64_t counter_ = 0;
  std::uint64_t dataSent_ = 0;
  std::uint64_t askedFor_ = 0;
  std::vector<std::uint32_t> nextSymbol_;
  std::uint64_t rate_ = 0; // at least what the machine has
  double creditBytes_;
  std::size_t heldAtStart_;
};

} // namespace volley_fuzz
