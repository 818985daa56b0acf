#include "core/sender_members.h"
#include "core/limits.h"
#include <algorithm>
#include <cmath>

namespace volley {

namespace {
constexpr Time refreshInterval_us = 20'000;
constexpr Time forgetAfter_us = 600'000'000;
constexpr Time overBudgetTold_us = 3'000'000;
constexpr double smoothing = 0.3;
// One receiver alone may take this part of the budget at once; the budget bounds all of them together.
constexpr double aloneShare = 1.0 / 20;
constexpr std::uint64_t repairBurst = 512;
constexpr double overdraftShare = 0.005; // of the image
constexpr double commonLossMost = 0.75;
constexpr std::uint64_t imagesWhenAlone = 4;

// The upper median of an ascending list without one `own` in it: one liar among three does not make a loss usual.
double medianOfOthers(const std::vector<double>& sorted, double own) {
  if (sorted.size() < 2) return 0;
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), own) - sorted.begin();
  const auto middle = static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
  const auto last = static_cast<std::ptrdiff_t>(sorted.size()) - 1;
  return sorted[static_cast<std::size_t>(std::min(middle < at ? middle : middle + 1, last))];
}

void takeSample(Member& member, const Report& report, Time now) {
  const double loss = std::min(1.0, report.lossPerMillion / 1e6);
  ++member.samples;
  // A receiver may stretch its figures over two reports when few datagrams came between them.
  member.sampleFrom = member.previous;
  member.previous = member.highest;
  member.highest = report.highestCounter;
  member.lossSample = loss;
  member.loss += (member.samples == 1 ? 1 : smoothing) * (loss - member.loss);
  member.usualLoss += std::max(1.0 / member.samples, 0.02) * (loss - member.usualLoss);
  // Down quickly, up hardly: more than that is learnt by sending more slowly and seeing no difference.
  member.baselineLoss += (loss < member.baselineLoss ? smoothing : 0.01) * (loss - member.baselineLoss);
  member.delay_us = report.delay_us;
  member.receivedKBps = report.receivedKBps;
  member.backlog = std::min(1.0, report.backlogPerThousand / 1000.0);
  member.lastSample = now;
}
} // namespace

SenderMembers::SenderMembers(double budget, std::uint64_t imageSymbols)
    : budget_(budget), imageSymbols_(imageSymbols) {}

Member* SenderMembers::onReport(const Report& report, std::uint64_t dataSent, Time now) {
  auto found = members_.find(report.receiver);
  if (found == members_.end()) {
    if (members_.size() >= limits::receiversMax) {
      std::erase_if(members_, [now](const auto& entry) { return now - entry.second.lastHeard > forgetAfter_us; });
      if (members_.size() >= limits::receiversMax) return nullptr;
    }
    Member member{};
    member.number = report.receiver;
    member.lastHeard = now;
    member.sentAtJoin = dataSent;
    member.moved = movedByPolicy_.contains(report.receiver);
    found = members_.emplace(report.receiver, member).first;
    stale_ = true;
  }
  Member& member = found->second;
  member.lastHeard = now;
  const bool lacked = member.lacking;
  member.lacking = !report.leaving && report.lackingBlocks > 0;
  stale_ = stale_ || lacked != member.lacking;
  // A receiver that has heard nothing yet has measured nothing.
  if (report.highestCounter > 0) takeSample(member, report, now);
  refreshIfDue(dataSent, now);
  return &member;
}

void SenderMembers::setStatusInterval(Time interval_us, double datagrams) {
  window_us_ = std::max<Time>(10'000'000, interval_us * 5 / 2);
  intervalDatagrams_ = datagrams;
}

// In a small room who comes and goes counts at once; in a large one it is looked at now and then.
void SenderMembers::refreshIfDue(std::uint64_t dataSent, Time now) {
  const Time interval_us = refreshInterval_us * (1 + members_.size() / 256);
  if ((stale_ && members_.size() < 256) || now - refreshed_ >= interval_us || refreshed_ == 0) refresh(dataSent, now);
}

void SenderMembers::refresh(std::uint64_t dataSent, Time now) {
  usualLosses_.clear();
  lossSamples_.clear();
  moved_ = 0;
  overBudget_.clear();
  for (const auto& [number, member] : members_) {
    if (!isActive(member, now)) continue;
    usualLosses_.push_back(member.usualLoss);
    lossSamples_.push_back(member.lossSample);
    moved_ += member.moved;
    if (isOverBudget(member, now)) overBudget_.push_back(number);
  }
  active_ = static_cast<std::uint32_t>(usualLosses_.size());
  std::sort(usualLosses_.begin(), usualLosses_.end());
  std::sort(lossSamples_.begin(), lossSamples_.end());
  const auto sent = static_cast<double>(dataSent - refreshedAtData_);
  // Over a long time a median is exact; only the last samples tell of what has just happened to the whole room.
  forEachActive(now, [&](Member& member) {
    const double common = std::max(medianOfOthers(usualLosses_, member.usualLoss),
                                   medianOfOthers(lossSamples_, member.lossSample));
    member.commonLost += std::min(common, commonLossMost) * std::min(sent, static_cast<double>(dataSent - member.sentAtJoin));
  });
  refreshed_ = now;
  refreshedAtData_ = dataSent;
  stale_ = false;
}

bool SenderMembers::isOverBudget(const Member& member, Time now) const {
  if (member.overBudgetAt == 0 || movedByPolicy_.contains(member.number)) return false;
  return member.moved || now - member.overBudgetAt < overBudgetTold_us;
}

// Nobody else is waiting for multicast: the others are done, or have been moved.
bool SenderMembers::alone(const Member& member, Time now) const {
  const std::uint32_t waiting = active_ - moved_;
  return waiting <= (isActive(member, now) && !member.moved ? 1u : 0u);
}

std::uint64_t SenderMembers::repairAllowance(const Member& member, std::uint64_t dataSent) const {
  const auto sent = static_cast<double>(dataSent - member.sentAtJoin);
  const double shareOfAll = budget_ / std::max(1u, active_);
  const bool roomLeft = static_cast<double>(repairCharges_) < budget_ / 2 * static_cast<double>(dataSent);
  const double share = roomLeft ? budget_ * aloneShare : std::min(budget_ * aloneShare, shareOfAll);
  return repairBurst + static_cast<std::uint64_t>(share * sent + member.commonLost);
}

// What the whole room has just lost is asked for by whoever speaks first, before the others have told of it.
double SenderMembers::overdraft() const {
  return std::min(overdraftShare * static_cast<double>(imageSymbols_), 0.5 * intervalDatagrams_);
}

std::uint64_t SenderMembers::wholeAllowance(const Member& member, std::uint64_t dataSent) const {
  const auto sent = static_cast<double>(dataSent - member.sentAtJoin);
  const double copies = (1 + budget_) * static_cast<double>(imageSymbols_);
  return limits::symbolsPerBlock + static_cast<std::uint64_t>(copies + budget_ * aloneShare * sent);
}

// With nobody else waiting it costs nobody anything to repair whatever is lost, but it still ends. It grows with what
// was sent, because whoever speaks first is alone only until the others speak.
std::uint64_t SenderMembers::allowance(const Member& member, bool repair, std::uint64_t dataSent, Time now) const {
  const std::uint64_t allowed =
      repair ? repairAllowance(member, dataSent) : wholeAllowance(member, dataSent);
  if (!alone(member, now)) return allowed;
  const std::uint64_t patience = imagesWhenAlone * (imageSymbols_ + limits::symbolsPerBlock);
  return std::max(allowed, std::min(allowed + (dataSent - member.sentAtJoin), patience));
}

bool SenderMembers::charge(Member& member, std::uint32_t symbols, bool repair, std::uint64_t dataSent, Time now) {
  std::uint64_t& charged = repair ? member.repairCharge : member.wholeCharge;
  const std::uint64_t most = allowance(member, repair, dataSent, now) + static_cast<std::uint64_t>(repair ? overdraft() : 0);
  if (charged + symbols > most) {
    member.moved = true;
    member.overBudgetAt = now;
    stale_ = true;
    return false;
  }
  charged += symbols;
  if (repair) repairCharges_ += symbols;
  return true;
}

void SenderMembers::setMoved(std::uint32_t receiver, bool moved) {
  if (moved) movedByPolicy_.insert(receiver);
  else movedByPolicy_.erase(receiver);
  const auto found = members_.find(receiver);
  // Taken back it is by its accounts, with its next report.
  if (found != members_.end() && moved) found->second.moved = true;
  stale_ = true;
}

void SenderMembers::settle(Member& member, std::uint64_t dataSent, Time now) {
  if (!member.moved || movedByPolicy_.contains(member.number)) return;
  // Back only with some room, or it would be moved to and fro.
  const bool repairsFit = member.repairCharge + repairBurst / 2 <= allowance(member, true, dataSent, now);
  const bool wholeFits = member.wholeCharge + limits::symbolsPerBlock <= allowance(member, false, dataSent, now);
  member.moved = !(repairsFit && wholeFits);
  stale_ = stale_ || !member.moved;
}

std::uint32_t SenderMembers::active(std::uint64_t dataSent, Time now) {
  refreshIfDue(dataSent, now);
  return active_;
}

void SenderMembers::listMoved(std::size_t most, Time now, std::vector<std::uint32_t>& out) {
  out.clear();
  if (moved_ == 0) return;
  std::vector<std::pair<Time, std::uint32_t>> waiting;
  for (const auto& [number, member] : members_) {
    if (member.moved && isActive(member, now)) waiting.emplace_back(member.lastListed, number);
  }
  const std::size_t count = std::min(most, waiting.size());
  std::partial_sort(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count), waiting.end());
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(waiting[i].second);
    members_.at(waiting[i].second).lastListed = now;
  }
}

} // namespace volley
