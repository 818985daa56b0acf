#include "core/sender_pacing.h"
#include <algorithm>
#include <cmath>
#include <vector>

namespace volley {

namespace {
constexpr double startRate = 25e6;
constexpr double automaticMax = 12.5e9;
constexpr double leastRate = 64e3;
constexpr Time burst_us = 2000;      // for a driver that is late
constexpr Time burstWanted_us = 500; // and one that is in time
constexpr Time lateMost_us = 20'000;   // of a driver's lateness, so much is made up for
constexpr double catchUpShare = 0.25; // of the rate, on top of it
constexpr Time quietDelay_us = 10'000;
// A queue that is never shorter than that is not made by our own bursts.
constexpr std::uint32_t standingDelay_us = 2500;
constexpr double drains = 0.8;        // in eight rounds to less than that
constexpr double yieldTo = 0.93;      // of what arrives, where a queue stands
constexpr double yieldShare = 0.4;    // of what the network has carried for us, which nobody's queue takes from us
constexpr Time capacityFades_us = 60'000'000;
constexpr double fullBacklog = 0.5;
constexpr double lossAboveBaseline = 0.03;
// More than that is never taken for a link's own loss: it is beyond what parity is for.
constexpr double baselineMost = 0.2;
constexpr double rampArrives = 0.6; // of what is sent, while it grows by half from one round to the next
constexpr std::uint32_t drainRounds = 32;
constexpr double drainWorse = 2;
constexpr std::uint32_t limitRounds = 64; // for which what made it cut is what holds it back
constexpr std::size_t samplesEnough = 16;
constexpr Time roundLeast_us = 10'000;

double backlogPressure(const Member& member) { return member.backlog / fullBacklog; }

double delayPressure(const Member& member) { return static_cast<double>(member.delay_us) / quietDelay_us; }

// But for delay, which others may cause as well.
double ownPressure(const Member& member) {
  // Neither one bad sample nor the memory of bad ones counts, only loss that was and still is.
  const double loss = std::min(member.loss, member.lossSample);
  const double above = member.samples < 2 ? 0 : loss - 1.2 * member.baselineLoss - 0.005;
  const double excess = std::max(0.0, above) / lossAboveBaseline;
  return std::max(backlogPressure(member), excess);
}

double pressureOf(const Member& member) { return std::max(delayPressure(member), ownPressure(member)); }
} // namespace

SenderPacing::SenderPacing(const SenderConfig& config, Time now)
    : config_(config), rate_(startRate), filled_(now), evaluated_(now) {
  clampRate();
  bucket_ = bucketBytes();
}

void SenderPacing::setMax(std::uint64_t rateBytesPerSecondMax) {
  config_.rateBytesPerSecondMax = rateBytesPerSecondMax;
  rate_ = std::min(rate_, ceiling());
}

double SenderPacing::ceiling() const {
  if (config_.rateBytesPerSecondMax == 0) return automaticMax;
  return std::max(leastRate, static_cast<double>(config_.rateBytesPerSecondMax));
}

double SenderPacing::bucketBytes() const {
  // The part of a datagram that was left over is not lost when the driver is late.
  return config_.datagramBytes + rate_ * burst_us / 1e6;
}

// What did not fit into the bucket because the driver was late is made up for at a somewhat higher pace, never by a
// larger burst.
void SenderPacing::advance(std::uint64_t counter, Time now) {
  if (now <= filled_) return;
  sent_.note(counter, now);
  const double earned = rate_ * static_cast<double>(now - filled_) / 1e6;
  const double made = std::min(owed_, earned * catchUpShare);
  const double wanted = bucket_ + earned + made;
  bucket_ = std::min(bucketBytes(), wanted);
  owed_ = std::min(owed_ - made + (wanted - bucket_), rate_ * lateMost_us / 1e6);
  filled_ = now;
}

bool SenderPacing::take() {
  if (bucket_ < config_.datagramBytes) return false;
  bucket_ -= config_.datagramBytes;
  sentSinceEvaluation_ += config_.datagramBytes;
  return true;
}

Time SenderPacing::wakeup(Time now) const {
  // A part of the bucket, so that the driver has time to be late in.
  const double wanted = std::clamp(rate_ * burstWanted_us / 1e6, 1.0 * config_.datagramBytes,
                                   1.0 * config_.datagramBytes * limits::burstDatagrams);
  const double held = bucket_ + rate_ * static_cast<double>(now > filled_ ? now - filled_ : 0) / 1e6;
  if (held >= wanted) return now;
  return now + static_cast<Time>(std::ceil((wanted - held) / rate_ * 1e6));
}

// To grow it is enough that some of what was sent at the present rate has arrived; after a cut the figures have to
// be wholly of the time since.
bool SenderPacing::isFresh(const Member& member) const {
  return member.samples > 0 && (wasCut_ ? member.sampleFrom : member.highest) > changedAt_;
}

void SenderPacing::evaluate(SenderMembers& members, Time statusInterval_us, std::uint64_t counter, Time now) {
  // A large group's round takes long; a sample of it is enough.
  const std::size_t known = std::max<std::size_t>(members.known(), 1);
  if (now - evaluated_ < std::max<Time>(statusInterval_us * std::min(samplesEnough, known) / known, roundLeast_us)) return;
  std::size_t active = 0, fresh = 0;
  members.forEachActive(now, [&](const Member& member) {
    ++active;
    fresh += isFresh(member);
  });
  const std::size_t enough = std::min(samplesEnough, (active + 1) / 2);
  const bool lateEnough = now - evaluated_ >= 8 * statusInterval_us;
  if (fresh == 0 || (fresh < enough && !lateEnough)) return;
  const bool learnt = wasCut_ && learnBaselines(members, now);
  std::vector<std::pair<double, const Member*>> samples; // by pressure
  members.forEachActive(now, [&](const Member& member) {
    if (isFresh(member)) samples.emplace_back(pressureOf(member), &member);
  });
  std::sort(samples.begin(), samples.end());
  const auto [pressure, typical] = samples[static_cast<std::size_t>(
      std::floor(static_cast<double>(samples.size() - 1) * config_.pacePercentile))];
  // What it would have received but for the loss that no pace cures.
  const double delivered = typical->receivedKBps * 1e3 / (1 - std::min(0.9, typical->baselineLoss));
  const double sentRate = sentSinceEvaluation_ * 1e6 / static_cast<double>(now - evaluated_);
  const double sentThen = sent_.rate(typical->previous, typical->highest) * config_.datagramBytes;
  // For two rounds much less arrives than was sent: it piles up somewhere, whether delay has told of it yet or not.
  const bool behind = sentThen > 0.5 * rate_ && delivered < (ramping_ ? rampArrives : 0.85) * sentThen;
  const bool overrun = behind && wasBehind_;
  // What had piled up is coming out at the rate of the link: a further cut would only leave the link idle.
  // That is waited for as long as what was sent before the cut may tell of worse.
  const bool draining = !overrun && roundsSinceCut_ < drainRounds && delivered > 0.97 * sentRate &&
                      pressure <= drainWorse * pressureAtCut_;
  wasBehind_ = behind;
  ++roundsSinceCut_;
  capacity_ *= std::exp(-static_cast<double>(now - evaluated_) / capacityFades_us);
  capacity_ = std::max(capacity_, delivered);
  noteDelay(typical->delay_us);
  const bool stands = queueStands();
  noteLimit(*typical, overrun ? std::max(pressure, 1.0) : pressure, sentRate);
  wasCut_ = false;
  if (overrun || (pressure >= 1 && !draining)) {
    // Where much is lost, what is left of the present rate tells more than what arrived over a while.
    pressureAtCut_ = std::max(pressure, 1.0);
    const double least = ownPressure(*typical) >= 1 ? 0 : yieldLeast();
    cut(members, typical->lossSample > 0.05 ? rate_ * (1 - typical->lossSample) : delivered, least, now);
  } else if (learnt) {
    // The cut changed nothing: the loss is the link's own.
    rate_ = rateBeforeCut_;
    ramping_ = rampingBeforeCut_;
    congestedAt_ = 0;
    clampRate();
  } else if (stands) {
    yield(delivered);
  } else if (sentRate > 0.5 * rate_ && delivered > (ramping_ ? rampArrives : 0.9) * sentRate) {
    // A rate that is not made use of has proved nothing, nor has one whose datagrams have not arrived.
    grow(pressure);
  }
  changedAt_ = counter;
  evaluated_ = now;
  sentSinceEvaluation_ = 0;
}

void SenderPacing::noteLimit(const Member& typical, double pressure, double sentRate) {
  if (pressure >= 0.5) {
    const bool behind = backlogPressure(typical) >= pressure;
    limit_ = behind ? Limit::receiver : Limit::network;
    limitingReceiver_ = behind ? typical.number : 0;
  } else if (rate_ > 0.99 * ceiling() && sentRate > 0.8 * rate_) {
    limit_ = Limit::policy;
  } else if (sentRate < 0.8 * rate_) {
    limit_ = Limit::sender;
  } else if (roundsSinceCut_ > limitRounds) {
    limit_ = Limit::nothing;
  }
}

// Congestion goes away when less is sent. Loss that stays at two thirds of what it was, at most of those who have
// told, is not congestion, and then nobody's is.
bool SenderPacing::learnBaselines(SenderMembers& members, Time now) {
  std::size_t told = 0, same = 0;
  members.forEachActive(now, [&](const Member& member) {
    if (!isFresh(member) || member.lossAtCut < lossAboveBaseline / 2) return;
    ++told;
    const bool unchanged = member.lossSample > member.lossAtCut * 2 / 3 && member.lossSample < baselineMost;
    // A receiver that is behind, or whose buffers run over, loses by the pace.
    same += unchanged && member.delay_us < quietDelay_us / 2 && member.backlog < fullBacklog;
  });
  if (2 * same <= told) return false;
  members.forEachActive(now, [](Member& member) {
    member.baselineLoss = std::max(member.baselineLoss, std::max(member.loss, member.lossSample));
  });
  return true;
}

// What others leave us in any case: a download that keeps a queue full all the time would else have everything.
double SenderPacing::yieldLeast() const { return yieldShare * capacity_; }

void SenderPacing::noteDelay(std::uint32_t delay_us) { delays_[delaysKnown_++ % delays_.size()] = delay_us; }

// Since the rate was last lowered, or in the last rounds, the queue has been empty once.
bool SenderPacing::queueWasShort() const {
  const auto known = delays_.begin() + static_cast<std::ptrdiff_t>(std::min(delaysKnown_, delays_.size()));
  return *std::min_element(delays_.begin(), known) < standingDelay_us;
}

// In all of the last rounds there was a queue, and it is not draining; what drains is waited for.
bool SenderPacing::queueStands() {
  if (delaysKnown_ < delays_.size() || queueWasShort()) return false;
  const std::uint32_t before = delays_[delaysKnown_ % delays_.size()];
  const std::uint32_t now = delays_[(delaysKnown_ - 1) % delays_.size()];
  if (now > drains * before) return true;
  delaysKnown_ = 0;
  return false;
}

// A queue stands that we do not need: it is drained, and where it still stands then, it is somebody else's and they
// get more.
void SenderPacing::yield(double delivered) {
  delaysKnown_ = 0;
  ramping_ = false;
  owed_ = 0;
  congestedAt_ = std::min(rate_, delivered);
  rate_ = std::min(rate_, std::max(yieldTo * congestedAt_, yieldLeast()));
  clampRate();
}

void SenderPacing::cut(SenderMembers& members, double delivered, double least, Time now) {
  members.forEachActive(now, [](Member& member) { member.lossAtCut = std::min(member.loss, member.lossSample); });
  rateBeforeCut_ = rate_;
  rampingBeforeCut_ = ramping_;
  wasCut_ = true;
  roundsSinceCut_ = 0;
  ramping_ = false;
  owed_ = 0;
  congestedAt_ = std::min(rate_, delivered);
  delaysKnown_ = 0;
  rate_ = std::min(rate_, std::max(least, std::clamp(0.95 * delivered, 0.2 * rate_, 0.85 * rate_)));
  clampRate();
}

void SenderPacing::grow(double pressure) {
  if (pressure >= 0.5 || !queueWasShort()) return;
  if (ramping_) rate_ *= 1.5;
  else if (rate_ < congestedAt_) rate_ = std::min(1.25 * rate_, congestedAt_); // it carried that, and the queue is gone
  else if (rate_ >= 1.5 * congestedAt_) rate_ *= 1.25;
  else if (rate_ < 1.12 * congestedAt_) rate_ *= 1.015; // gently where it was too fast before
  else rate_ *= 1.05;                                   // it no longer is
  clampRate();
}

void SenderPacing::clampRate() {
  const double least = std::max(leastRate, static_cast<double>(config_.rateBytesPerSecondMin));
  rate_ = std::clamp(rate_, std::min(least, ceiling()), ceiling());
}

} // namespace volley
