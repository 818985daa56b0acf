// The receivers a sender has heard of: their latest samples, which the pacing listens to, and what each has made
// it send beyond what is usual, so that one that asks too much is moved to unicast and costs the others little.
#pragma once
#include "core/codec.h"
#include "core/sender.h"
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace volley {

struct Member {
  std::uint32_t number; // of the receiver
  Time lastHeard;
  Time lastSample = 0;       // of the figures below
  std::uint64_t highest = 0; // counter it had received at the last report
  std::uint64_t sampleFrom = 0; // the last figures tell of counters from here on
  std::uint64_t previous = 0;   // `highest` one report earlier
  Time lastLargeReport = 0;  // one that walked many blocks
  Time lastListed = 0;       // among the moved of an announce
  std::uint64_t sentAtJoin;  // data datagrams, of all, when it came
  std::uint64_t wholeCharge = 0;
  std::uint64_t repairCharge = 0;
  double commonLost = 0;     // data datagrams since it came that the others, at the median, lost too
  double lossSample = 0;     // part of the datagrams, in the last report
  double loss = 0;           // smoothed
  double lossAtCut = 0;      // when the rate was last cut
  double usualLoss = 0;      // over a longer time
  double baselineLoss = 0;   // what it loses when nothing is congested
  double backlog = 0;        // 0 to 1
  std::uint32_t delay_us = 0;
  std::uint32_t receivedKBps = 0;
  bool lacking = true;
  bool moved = false;
  Time overBudgetAt = 0;     // when its account last moved it; 0: never
  std::uint32_t samples = 0;
};

class SenderMembers {
public:
  SenderMembers(double budget, std::uint64_t imageSymbols);

  // Takes the figures of a report. Null when there are too many receivers to know another.
  Member* onReport(const Report& report, std::uint64_t dataSent, Time now);

  // Whether the member may make the sender send `symbols` more, and if so charges it; if not, it is moved.
  bool charge(Member& member, std::uint32_t symbols, bool repair, std::uint64_t dataSent, Time now);
  // Policy, whatever its accounts say.
  void setMoved(std::uint32_t receiver, bool moved);
  // Moves or takes back a member by the state of its accounts.
  void settle(Member& member, std::uint64_t dataSent, Time now);

  // Heard of lately and not left. `statusInterval_us` is what they were last told.
  std::uint32_t active(std::uint64_t dataSent, Time now);
  std::uint32_t known() const { return active_; } // as of the last look
  // Receiver numbers that their accounts have moved, as of the last look: those still moved, and each for some seconds,
  // so that who asks once a second hears of all.
  const std::vector<std::uint32_t>& overBudget() const { return overBudget_; }
  // `datagrams` are what is sent in one interval at the present rate.
  void setStatusInterval(Time interval_us, double datagrams);
  // Receiver numbers to name as moved: those named longest ago, at most `most`.
  void listMoved(std::size_t most, Time now, std::vector<std::uint32_t>& out);

  template <typename Use> void forEachActive(Time now, Use use) {
    for (auto& [number, member] : members_) {
      if (isActive(member, now)) use(member);
    }
  }

private:
  bool isActive(const Member& member, Time now) const {
    return member.lacking && now - member.lastHeard < window_us_;
  }
  bool isOverBudget(const Member& member, Time now) const;
  void refreshIfDue(std::uint64_t dataSent, Time now);
  void refresh(std::uint64_t dataSent, Time now);
  double overdraft() const;
  std::uint64_t wholeAllowance(const Member& member, std::uint64_t dataSent) const;
  std::uint64_t repairAllowance(const Member& member, std::uint64_t dataSent) const;
  std::uint64_t allowance(const Member& member, bool repair, std::uint64_t dataSent, Time now) const;
  bool alone(const Member& member, Time now) const;

  double budget_;
  std::uint64_t imageSymbols_;
  std::unordered_map<std::uint32_t, Member> members_;
  std::unordered_set<std::uint32_t> movedByPolicy_;
  Time window_us_ = 10'000'000;
  std::uint32_t moved_ = 0;
  std::vector<std::uint32_t> overBudget_;
  // Refreshed now and then, since thousands of members cannot be gone through for each report.
  Time refreshed_ = 0;
  std::uint64_t refreshedAtData_ = 0;
  bool stale_ = true;
  std::vector<double> usualLosses_, lossSamples_; // of active members, ascending
  double intervalDatagrams_ = 0;
  std::uint32_t active_ = 0;
  std::uint64_t repairCharges_ = 0;
};

} // namespace volley
