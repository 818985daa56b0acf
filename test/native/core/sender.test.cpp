// The sender, table by table: who asks for what, and what then goes out.
#include "check.h"
#include "core/sender.h"
#include <map>
#include <set>
#include <vector>

using namespace volley;

namespace {
constexpr std::uint32_t symbolBytes = 1408;
constexpr std::uint64_t rate = 100'000'000;

SenderConfig config() { return {symbolBytes, symbolBytes + 72, rate, 0, 0.15, 1}; }
BlockLayout blocksOf(std::uint32_t blocks) { return {std::uint64_t{blocks} * 200 * symbolBytes, symbolBytes}; }

Report asking(std::uint32_t receiver, std::uint64_t highest, std::vector<Run> runs) {
  Report report{};
  report.receiver = receiver;
  report.highestCounter = highest;
  report.lackingBlocks = 1;
  report.runs = std::move(runs);
  return report;
}

struct Log {
  std::vector<Emission> data;
  std::vector<std::pair<Time, Announce>> announces;
  Time end = 0;
};

// Drives the sender by its own wake-ups until it is silent or the time is over.
Log drive(Sender& sender, Time& now, Time until) {
  Log log;
  Emission out[32];
  while (now < until) {
    const std::size_t count = sender.next(now, out);
    for (std::size_t i = 0; i < count; ++i) {
      if (out[i].announce) log.announces.emplace_back(now, sender.announce());
      else log.data.push_back(out[i]);
    }
    if (count > 0) log.end = now;
    const Time at = sender.wakeup();
    if (at == never) break;
    now = std::max(now + (count > 0 ? 0 : 1), at);
  }
  return log;
}

std::map<std::uint32_t, std::uint32_t> symbolsByBlock(const Log& log) {
  std::map<std::uint32_t, std::uint32_t> symbols;
  for (const Emission& emission : log.data) ++symbols[emission.block];
  return symbols;
}

// Who has lost the end and all that tells of it asks for what the sender takes for still on its way.
void anotherClosingForWhoMissedTheEnd() {
  Sender sender(config(), blocksOf(20), 0);
  Time now = 0;
  sender.onReport(asking(1, 0, {{0, 20, limits::symbolsPerBlock}}), now);
  const Log first = drive(sender, now, 60'000'000);
  const std::uint64_t all = first.data.size() + first.announces.size();
  now += 1'000'000;
  for (int again = 0; again < 2; ++again) {
    sender.onReport(asking(1, all - 500, {{19, 1, 5}}), now);
    const Log log = drive(sender, now, now + 60'000'000);
    CHECK(log.data.empty());
    CHECK(log.announces.size() == (again == 0 ? 1u : 0u)); // no more than one in a quarter of a second
  }
  sender.onReport(asking(1, all + 1, {{19, 1, 5}}), now);
  CHECK(symbolsByBlock(drive(sender, now, now + 60'000'000)).at(19) == 5);
}

void silentUntilAsked() {
  Sender sender(config(), blocksOf(20), 0);
  Emission out[4];
  CHECK(sender.next(1'000'000, out) == 0 && sender.wakeup() == never && sender.idle());
}

void firstReportStartsALap() {
  const BlockLayout layout = blocksOf(20);
  Sender sender(config(), layout, 0);
  Time now = 0;
  sender.onReport(asking(1, 0, {{0, 20, wholeBlock}}), now);
  const Log log = drive(sender, now, 10'000'000);
  CHECK(log.data.size() == 20 * 200);
  // Source symbols only, each once, blocks in order and eight at a time.
  std::set<std::pair<std::uint32_t, std::uint16_t>> seen;
  std::uint32_t highestBlock = 0;
  for (const Emission& e : log.data) {
    CHECK(e.symbol < 200 && seen.emplace(e.block, e.symbol).second);
    CHECK(e.remaining == 199 - e.symbol);
    highestBlock = std::max(highestBlock, e.block);
    CHECK(e.block + 8 > highestBlock);
  }
  CHECK(sender.idle() && sender.wakeup() == never);
  // The first announce covers all; at the end three say that nothing more comes, further and further apart.
  CHECK(log.announces.front().second.coverCount == 20 && log.announces.front().second.runs.size() == 1);
  CHECK(log.announces.front().second.runs[0].symbols == comesInTurn);
  std::vector<Time> closing;
  for (const auto& [at, announce] : log.announces) {
    if (announce.runs.empty()) closing.push_back(at);
  }
  CHECK(closing.size() == 3 && closing[2] - closing[1] > closing[1] - closing[0]);
}

void countersHaveNoGap() {
  Sender sender(config(), blocksOf(5), 0);
  sender.onReport(asking(1, 0, {{0, 5, wholeBlock}}), 0);
  Emission out[7];
  std::uint64_t counter = 0;
  for (Time now = 0; now < 1'000'000; now += 100) {
    const std::size_t count = sender.next(now, out);
    for (std::size_t i = 0; i < count; ++i) CHECK(out[i].counter == ++counter);
  }
  CHECK(counter > 1000);
}

void pacedInShortBursts() {
  SenderConfig slow = config();
  slow.rateBytesPerSecondMax = 10'000'000;
  Sender sender(slow, blocksOf(100), 0);
  sender.onReport(asking(1, 0, {{0, 100, wholeBlock}}), 0);
  Emission out[256];
  std::size_t all = 0;
  for (Time now = 1'000; now <= 1'000'000; now += 1'000) {
    std::size_t burst = 0;
    while (const std::size_t count = sender.next(now, out)) burst += count;
    CHECK(burst * slow.datagramBytes <= 20'000 + slow.datagramBytes);
    all += burst;
  }
  CHECK(all * slow.datagramBytes > 9'500'000 && all * slow.datagramBytes < 10'100'000);
}

void repairIsFreshParityForTheWorst() {
  Sender sender(config(), blocksOf(4), 0);
  Time now = 0;
  sender.onReport(asking(1, 0, {{0, 4, wholeBlock}}), now);
  const Log lap = drive(sender, now, 10'000'000);
  const std::uint64_t counter = lap.data.back().counter;
  sender.onReport(asking(1, counter, {{2, 1, 5}}), now);
  sender.onReport(asking(2, counter, {{2, 1, 9}}), now);
  sender.onReport(asking(3, counter, {{2, 1, 3}, {3, 1, 1}}), now);
  const Log repairs = drive(sender, now, now + 10'000'000);
  auto symbols = symbolsByBlock(repairs);
  CHECK(symbols[2] == 9 && symbols[3] == 1 && symbols.size() == 2);
  for (const Emission& e : repairs.data) CHECK(e.symbol >= 200);
}

void reportsOlderThanTheAnswerAddNothing() {
  Sender sender(config(), blocksOf(4), 0);
  Time now = 0;
  sender.onReport(asking(1, 0, {{0, 4, wholeBlock}}), now);
  const std::uint64_t counter = drive(sender, now, 10'000'000).data.back().counter;
  sender.onReport(asking(1, counter, {{2, 1, 9}}), now);
  CHECK(drive(sender, now, now + 10'000'000).data.size() == 9);
  // Written before the repairs arrived: they are on their way to it.
  sender.onReport(asking(2, counter, {{2, 1, 9}}), now);
  CHECK(drive(sender, now, now + 10'000'000).data.empty());
  sender.onReport(asking(3, counter, {{2, 1, 11}}), now);
  CHECK(drive(sender, now, now + 10'000'000).data.size() == 2);
}

void repairsGoBeforeTheLap() {
  Sender sender(config(), blocksOf(60), 0);
  Time now = 0;
  sender.onReport(asking(1, 0, {{0, 60, wholeBlock}}), now);
  const Log begun = drive(sender, now, 200'000);
  CHECK(begun.data.back().block > 10);
  sender.onReport(asking(1, begun.data.back().counter, {{1, 1, 6}}), now);
  sender.onReport(asking(2, begun.data.back().counter, {{0, 1, wholeBlock}}), now);
  const Log rest = drive(sender, now, 100'000'000);
  for (std::size_t i = 0; i < 6; ++i) CHECK(rest.data[i].block == 1);
  // Who lacks a whole block waits until the lap is over.
  for (std::size_t i = 6; i < rest.data.size(); ++i) {
    CHECK((rest.data[i].block == 0) == (i + 200 >= rest.data.size()));
  }
}

void greedIsMovedAndSilenceFollows() {
  const BlockLayout layout = blocksOf(20);
  Sender sender(config(), layout, 0);
  Time now = 0;
  std::size_t sent = 0;
  bool named = false;
  for (int round = 0; round < 2000; ++round) {
    // An honest receiver is there, and lacks little.
    if (round % 20 == 0) sender.onReport(asking(1, 1, {}), now);
    sender.onReport(asking(666, 0, {{0, 20, wholeBlock}}), now);
    const Log log = drive(sender, now, now + 50'000);
    sent += log.data.size();
    for (const auto& [at, announce] : log.announces) {
      named = named || (announce.moved.size() == 1 && announce.moved[0] == 666);
    }
    now += 10'000;
  }
  CHECK(sent >= 20 * 200 && sent < 20 * 200 * 13 / 10);
  CHECK(named && sender.overBudget() == std::vector<std::uint32_t>{666});
  CHECK(sender.idle() && sender.wakeup() == never);
}

void policyMovesAndTakesBack() {
  const BlockLayout layout = blocksOf(20);
  Sender sender(config(), layout, 0);
  Time now = 0;
  sender.setMoved(2, true); // before it was heard of
  sender.onReport(asking(1, 0, {{0, 20, wholeBlock}}), now);
  sender.onReport(asking(2, 0, {}), now);
  const Log begun = drive(sender, now, 100'000);
  CHECK(!begun.announces.empty() && begun.announces.back().second.moved == std::vector<std::uint32_t>{2});
  CHECK(sender.overBudget().empty()); // it asked for nothing
  const std::uint64_t ignored = sender.statistics().reportsIgnored;
  sender.onReport(asking(2, 0, {{0, 1, 5}}), now);
  CHECK(sender.statistics().reportsIgnored == ignored + 1);
  sender.setMoved(2, false);
  sender.onReport(asking(2, begun.data.back().counter, {{0, 1, 5}}), now);
  CHECK(sender.statistics().reportsIgnored == ignored + 1);
  const Log after = drive(sender, now, now + 100'000);
  CHECK(!after.announces.empty() && after.announces.back().second.moved.empty());
}

// Three of eight receivers take everything, the others have full buffers.
std::uint64_t rateWithSomeQuick(double percentile) {
  SenderConfig open = config();
  open.rateBytesPerSecondMax = 0;
  open.pacePercentile = percentile;
  Sender sender(open, blocksOf(5000), 0);
  Time now = 0;
  std::uint64_t highest = 0;
  sender.onReport(asking(1, 0, {{0, 5000, wholeBlock}}), now);
  while (now < 500'000) {
    const Log log = drive(sender, now, now + 10'000);
    highest += log.data.size() + log.announces.size();
    const std::uint64_t sent = log.data.size() * open.datagramBytes * 100;
    for (std::uint32_t receiver = 1; receiver <= 8; ++receiver) {
      Report report = asking(receiver, highest, {});
      report.receivedKBps = static_cast<std::uint32_t>(sent / 1000);
      report.backlogPerThousand = receiver % 3 == 1 ? 0 : 1000;
      sender.onReport(report, now);
    }
  }
  return sender.statistics().rateBytesPerSecond;
}

void paceFollowsMostOrTheQuickest() {
  const std::uint64_t most = rateWithSomeQuick(0.75), quickest = rateWithSomeQuick(0.25);
  CHECK(most < 40'000'000 && quickest > 400'000'000);
}

void nonsenseIsHarmless() {
  Sender sender(config(), blocksOf(20), 0);
  Time now = 0;
  sender.onReport(asking(1, ~0ull, {{19, ~0u, wholeBlock}, {20, 1, 5}, {~0u, ~0u, 9}, {0, 0, 9}, {3, 1, 0}}), now);
  const Log log = drive(sender, now, 10'000'000);
  CHECK(log.data.size() == 200 && symbolsByBlock(log).begin()->first == 19);
  Sender empty(config(), BlockLayout(0, symbolBytes), 0);
  empty.onReport(asking(1, 0, {{0, 5, wholeBlock}}), 0);
  CHECK(empty.idle() && empty.wakeup() == never);
}
} // namespace

int main() {
  silentUntilAsked();
  anotherClosingForWhoMissedTheEnd();
  firstReportStartsALap();
  countersHaveNoGap();
  pacedInShortBursts();
  repairIsFreshParityForTheWorst();
  reportsOlderThanTheAnswerAddNothing();
  repairsGoBeforeTheLap();
  greedIsMovedAndSilenceFollows();
  policyMovesAndTakesBack();
  paceFollowsMostOrTheQuickest();
  nonsenseIsHarmless();
  return volley_test::finish();
}
