#include "core/sender_pacing.h"
#include <algorithm>
#include <cmath>
#include <vector>

namespace volley {

namespace {
constexpr double startRate = 25e6;
constexpr double automaticMax = 12.5e9;
constexpr double leastRate = 64e3;
constexpr Time burst_us = 1000;
constexpr Time quietDelay_us = 10'000;
constexpr double fullBacklog = 0.5;
constexpr double lossAboveBaseline = 0.05;
constexpr double percentile = 0.75;
constexpr std::size_t samplesEnough = 16;

double pressureOf(const Member& member) {
  const double delay = static_cast<double>(member.delay_us) / quietDelay_us;
  const double backlog = member.backlog / fullBacklog;
  const double excess = std::max(0.0, member.loss - 1.5 * member.baselineLoss) / lossAboveBaseline;
  return std::max({delay, backlog, excess});
}
} // namespace

SenderPacing::SenderPacing(const SenderConfig& config, Time now)
    : config_(config), rate_(startRate), filled_(now), evaluated_(now) {
  rate_ = std::clamp(rate_, std::min(static_cast<double>(config_.rateBytesPerSecondMin), ceiling()), ceiling());
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
  return std::max<double>(config_.datagramBytes, rate_ * burst_us / 1e6);
}

void SenderPacing::advance(Time now) {
  if (now <= filled_) return;
  bucket_ = std::min(bucketBytes(), bucket_ + rate_ * static_cast<double>(now - filled_) / 1e6);
  filled_ = now;
}

bool SenderPacing::take() {
  if (bucket_ < config_.datagramBytes) return false;
  bucket_ -= config_.datagramBytes;
  sentSinceEvaluation_ += config_.datagramBytes;
  return true;
}

Time SenderPacing::wakeup(Time now) const {
  // A quarter of the bucket leaves the driver three quarters of a millisecond to be late in.
  const double wanted = std::clamp(rate_ * burst_us / 4e6, 1.0 * config_.datagramBytes,
                                   1.0 * config_.datagramBytes * limits::burstDatagrams);
  const double held = bucket_ + rate_ * static_cast<double>(now > filled_ ? now - filled_ : 0) / 1e6;
  if (held >= wanted) return now;
  return now + static_cast<Time>(std::ceil((wanted - held) / rate_ * 1e6));
}

void SenderPacing::evaluate(SenderMembers& members, Time statusInterval_us, Time now) {
  if (now - evaluated_ < statusInterval_us) return;
  std::vector<std::pair<double, double>> samples; // pressure, delivered bytes per second
  std::size_t active = 0;
  members.forEachActive(now, [&](const Member& member) {
    ++active;
    if (member.samples == 0 || member.lastSample <= evaluated_) return;
    // What it would have received but for the loss that no pace cures.
    samples.emplace_back(pressureOf(member), member.receivedKBps * 1e3 / (1 - std::min(0.9, member.baselineLoss)));
  });
  const std::size_t enough = std::min(samplesEnough, (active + 1) / 2);
  const bool lateEnough = now - evaluated_ >= 8 * statusInterval_us;
  if (samples.empty() || (samples.size() < enough && !lateEnough)) return;
  std::sort(samples.begin(), samples.end());
  const auto index = static_cast<std::size_t>(std::floor(static_cast<double>(samples.size() - 1) * percentile));
  const double sentRate = sentSinceEvaluation_ * 1e6 / static_cast<double>(now - evaluated_);
  // A rate that is not made use of has proved nothing.
  if (samples[index].first >= 1 || sentRate > 0.5 * rate_) change(samples[index].first, samples[index].second);
  evaluated_ = now;
  sentSinceEvaluation_ = 0;
}

void SenderPacing::change(double pressure, double delivered) {
  if (pressure >= 1) {
    ramping_ = false;
    congestedAt_ = rate_;
    rate_ = std::clamp(0.95 * delivered, 0.5 * rate_, 0.9 * rate_);
  } else if (pressure < 0.5) {
    const bool nearCeiling = rate_ > 0.85 * congestedAt_ && rate_ < 1.3 * congestedAt_;
    rate_ *= ramping_ ? 2 : nearCeiling ? 1.04 : 1.25;
  }
  const double least = std::max(leastRate, static_cast<double>(config_.rateBytesPerSecondMin));
  rate_ = std::clamp(rate_, std::min(least, ceiling()), ceiling());
}

} // namespace volley
