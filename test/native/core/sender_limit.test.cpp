// What the sender says holds it back, and which receiver does.
#include "check.h"
#include "core/sender.h"
#include <array>

using namespace volley;

namespace {
constexpr std::uint32_t symbolBytes = 1408;
constexpr std::uint32_t datagramBytes = symbolBytes + 72;
constexpr std::uint32_t blocks = 60'000;
constexpr Time reportEvery_us = 2'500; // one receiver after the other: all of them in the shortest round
constexpr std::uint32_t policyRate = 10'000'000;

struct Figures {
  std::uint32_t delay_us = 0;
  std::uint32_t backlogPerThousand = 0;
};

// Receivers 1 to 4, which take whatever is sent. The rate follows the third, least pressed first.
class Room {
public:
  explicit Room(std::uint64_t rateMax)
      : sender_({symbolBytes, datagramBytes, rateMax, 0, 0.15, 1}, {std::uint64_t{blocks} * 200 * symbolBytes, symbolBytes}, 0) {
    tell(1, {}, {{0, blocks, wholeBlock}});
  }

  SenderStatistics after(const std::array<Figures, 4>& figures) {
    Emission out[64];
    for (std::uint32_t turn = 0; turn < 160; ++turn) {
      const std::uint64_t before = counter_;
      for (const Time end = now_ + reportEvery_us; now_ < end; now_ += 500) {
        while (const std::size_t count = sender_.next(now_, out)) counter_ += count;
      }
      received_ = (counter_ - before) * datagramBytes * 1000 / reportEvery_us;
      const std::uint32_t index = turn % figures.size();
      tell(index + 1, figures[index], {});
    }
    return sender_.statistics();
  }

private:
  void tell(std::uint32_t receiver, const Figures& figures, std::vector<Run> runs) {
    Report report{};
    report.receiver = receiver;
    report.highestCounter = counter_;
    report.delay_us = figures.delay_us;
    report.backlogPerThousand = figures.backlogPerThousand;
    report.receivedKBps = static_cast<std::uint32_t>(received_);
    report.lackingBlocks = 1;
    report.runs = std::move(runs);
    sender_.onReport(report, now_);
  }

  Sender sender_;
  std::uint64_t counter_ = 0;
  std::uint64_t received_ = 0; // kilobytes a second
  Time now_ = 0;
};

constexpr Figures well{};
constexpr Figures slow{0, 600};
constexpr Figures slower{0, 900};
constexpr Figures late{20'000, 0};

void theReceiverThatSetsThePace() {
  const SenderStatistics told = Room(0).after({slow, well, slower, well});
  CHECK(told.limit == Limit::receiver && told.limitingReceiver == 1);
}

void oneAloneHoldsNobodyBack() {
  const SenderStatistics told = Room(policyRate).after({well, well, well, slower});
  CHECK(told.limit == Limit::policy && told.limitingReceiver == 0);
}

void theNetworkToMost() {
  const SenderStatistics told = Room(0).after({late, late, late, well});
  CHECK(told.limit == Limit::network && told.limitingReceiver == 0);
}

// Of a receiver that is behind and late, what presses more.
void theLargerPressureOfTwo() {
  constexpr Figures moreBehind{5'000, 900}, moreLate{20'000, 400};
  CHECK(Room(0).after({moreBehind, moreBehind, moreBehind, moreBehind}).limit == Limit::receiver);
  CHECK(Room(0).after({moreLate, moreLate, moreLate, moreLate}).limit == Limit::network);
}

// The trouble of a while ago is not named for ever.
void overWithItsCause() {
  Room room(policyRate);
  CHECK(room.after({slow, slow, slow, slow}).limit == Limit::receiver);
  SenderStatistics told{};
  for (int turn = 0; turn < 20; ++turn) told = room.after({});
  CHECK(told.limit == Limit::policy);
}
} // namespace

int main() {
  theReceiverThatSetsThePace();
  oneAloneHoldsNobodyBack();
  theNetworkToMost();
  theLargerPressureOfTwo();
  overWithItsCause();
  return volley_test::finish();
}
