// How fast a sender sends: a bucket of bytes that fills at the rate and holds at most two milliseconds of it, and,
// where policy leaves it open, a rate that grows until a high percentile of the receivers shows delay, backlog or
// loss above what it always loses. A few slow receivers do not set the pace; where slow ones have another stream to
// go to, a low percentile is taken and many do not.
#pragma once
#include "core/send_record.h"
#include "core/sender.h"
#include "core/sender_members.h"
#include <array>

namespace volley {

class SenderPacing {
public:
  SenderPacing(const SenderConfig& config, Time now);
  void setMax(std::uint64_t rateBytesPerSecondMax);

  // Fills the bucket; then one datagram at a time may be taken while it lasts. `counter` is the last one's that left.
  void advance(std::uint64_t counter, Time now);
  bool take();
  // When the bucket holds enough for another burst.
  Time wakeup(Time now) const;

  // Looks at the members' samples when a round of them is in, and changes the rate.
  void evaluate(SenderMembers& members, Time statusInterval_us, std::uint64_t counter, Time now);
  std::uint64_t rate() const { return static_cast<std::uint64_t>(rate_); }
  // What held the rate back at the last look, and the receiver that did where it was one.
  Limit limit() const { return limit_; }
  std::uint32_t limitingReceiver() const { return limitingReceiver_; }

private:
  double ceiling() const;
  double bucketBytes() const;
  void clampRate();
  bool isFresh(const Member& member) const;
  bool learnBaselines(SenderMembers& members, Time now);
  double yieldLeast() const;
  void noteDelay(std::uint32_t delay_us);
  bool queueWasShort() const;
  bool queueStands();
  void cut(SenderMembers& members, double delivered, double least, Time now);
  void yield(double delivered);
  void grow(double pressure);
  void noteLimit(const Member& typical, double pressure, double sentRate);

  SenderConfig config_;
  double rate_;
  double bucket_ = 0;
  double owed_ = 0; // bytes that a late driver has not sent
  Time filled_;
  SendRecord sent_;
  Time evaluated_;
  std::uint64_t changedAt_ = 0; // the counter at the last evaluation: samples of before are stale
  bool wasCut_ = false;      // the last evaluation cut the rate, and its effect is not known yet
  double rateBeforeCut_ = 0;
  bool rampingBeforeCut_ = false;
  double sentSinceEvaluation_ = 0;
  bool ramping_ = true;      // growing fast until the first sign of congestion
  double congestedAt_ = 0;   // what arrived at the last cut: slower growth near it
  double capacity_ = 0;      // the most that arrived lately
  std::array<std::uint32_t, 8> delays_{}; // of the last rounds since the rate was last lowered
  std::size_t delaysKnown_ = 0;
  bool wasBehind_ = false;   // in the last round much less arrived than was sent
  double pressureAtCut_ = 0;
  Limit limit_ = Limit::nothing;
  std::uint32_t limitingReceiver_ = 0;
  std::uint32_t roundsSinceCut_ = ~0u >> 1; // none yet
};

} // namespace volley
