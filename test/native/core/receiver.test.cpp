// The receiver, table by table: what comes in, where it is put, what is asked for and when.
#include "check.h"
#include "core/receiver.h"
#include <algorithm>
#include <vector>

using namespace volley;

namespace {
constexpr std::uint32_t symbolBytes = 1024;
constexpr std::uint32_t k = 200;

// Chunks of exactly one block each unless told otherwise.
ChunkLayout layoutOf(std::vector<std::uint32_t> blocksOfChunk) {
  for (auto& bytes : blocksOfChunk) bytes *= k * symbolBytes;
  return {blocksOfChunk, symbolBytes};
}

ReceiverConfig config(std::uint32_t slots = 32) { return {7, slots, 1, true, 2'000'000, 4'000'000, true, 1}; }

struct Harness {
  Receiver machine;
  std::uint64_t counter = 0;
  std::uint32_t start = 1;
  Time now = 1000;

  Harness(const ReceiverConfig& receiverConfig, const ChunkLayout& layout) : machine(receiverConfig, layout, 1000) {}

  Placed data(std::uint32_t block, std::uint16_t symbol, std::uint16_t remaining = 0) {
    return machine.onData({DatagramType::data, 0, 1, start, ++counter, block, symbol, remaining}, now);
  }
  Placed span(std::uint32_t block, std::uint16_t first, std::uint16_t end) {
    Placed last{};
    for (std::uint16_t s = first; s < end; ++s) last = data(block, s, static_cast<std::uint16_t>(end - s - 1));
    if (last.decodable) machine.onBlockDecoded(block);
    return last;
  }
  void announce(std::uint32_t from, std::uint32_t count, std::vector<Run> runs, std::vector<std::uint32_t> moved = {}) {
    const Announce announce{now, 100'000, 1000, 1000, 1, from, count, std::move(runs), std::move(moved)};
    machine.onAnnounce({DatagramType::announce, 0, 1, start, ++counter, from, 0, 0}, announce, now);
  }
  // The next report with requests within `for_us`, by the machine's own wake-ups.
  std::optional<Report> asksWithin(Time for_us) {
    const Time end = now + for_us;
    while (now <= end) {
      while (auto report = machine.nextReport(now)) {
        if (!report->runs.empty()) return report;
      }
      now = std::max(now + 1, std::min(machine.wakeup(), end + 1));
    }
    return std::nullopt;
  }
  bool finishChunks(bool good = true) {
    bool any = false;
    while (const auto ready = machine.nextReady()) {
      machine.onChunkDone(ready->chunk, good, now);
      any = true;
    }
    return any;
  }
};

void joinsByAskingForEverything() {
  const ChunkLayout layout = layoutOf({1, 0, 3, 1});
  Harness h(config(), layout);
  const auto report = h.asksWithin(10'000);
  CHECK(report && report->runs.size() == 1 && report->runs[0].first == 0 && report->runs[0].count == 5);
  CHECK(report && report->runs[0].symbols == wholeBlock && report->highestCounter == 0 && report->lackingBlocks == 5);
}

void whatIsPromisedIsNotAskedFor() {
  const ChunkLayout layout = layoutOf({1, 1, 1});
  Harness h(config(), layout);
  h.announce(0, 3, {{0, 3, comesInTurn}});
  CHECK(!h.asksWithin(200'000));
  h.announce(0, 3, {{1, 2, comesInTurn}});
  const auto report = h.asksWithin(50'000);
  CHECK(report && report->runs.size() == 1 && report->runs[0].first == 0 && report->runs[0].count == 1);
}

void onlyTheSurplusIsAskedFor() {
  const ChunkLayout layout = layoutOf({1, 1, 1});
  Harness h(config(), layout);
  h.span(0, 0, 190); // ten lost at the end
  h.span(1, 0, 197);
  h.announce(0, 3, {{0, 1, 10}, {1, 1, 1}, {2, 1, comesInTurn}});
  const auto report = h.asksWithin(50'000);
  CHECK(report && report->runs.size() == 1 && report->runs[0].first == 1 && report->runs[0].symbols == 3);
}

void aLaterAnnounceSuppresses() {
  const ChunkLayout layout = layoutOf({1, 1});
  ReceiverConfig crowd = config();
  crowd.groupSize = 1000;
  Harness h(crowd, layout);
  h.span(0, 0, 190);
  h.announce(0, 2, {{1, 1, comesInTurn}});
  h.announce(0, 2, {{0, 1, 12}, {1, 1, comesInTurn}});
  CHECK(!h.asksWithin(200'000));
}

void anyKSymbolsDecode() {
  const ChunkLayout layout = layoutOf({1});
  Harness h(config(), layout);
  // 20 sources late, 30 parity early, one symbol twice.
  h.span(0, 0, 150);
  h.span(0, 226, 256);
  CHECK(h.data(0, 3).placement == Placement::duplicate);
  Placed last{};
  std::vector<std::uint32_t> places;
  for (std::uint16_t s = 180; s < 200; ++s) {
    last = h.data(0, s);
    places.push_back(h.machine.place());
    CHECK(last.placement == Placement::store && last.decodable == (s == 199));
  }
  const DecodableBlock block = h.machine.decodable(0);
  std::vector<bool> seen(256);
  CHECK(block.placeSymbols.size() == k);
  for (const std::uint16_t symbol : block.placeSymbols) {
    CHECK(symbol < 256 && !seen[symbol]);
    seen[symbol] = true;
  }
  for (std::uint16_t s = 180; s < 200; ++s) CHECK(block.placeSymbols[places[s - 180u]] == s);
  for (std::uint16_t s = 0; s < 150; ++s) CHECK(block.placeSymbols[s] == s);
  CHECK(h.data(0, 160).placement == Placement::duplicate);
  h.machine.onBlockDecoded(0);
  CHECK(h.finishChunks() && h.machine.complete() && h.data(0, 1).placement == Placement::unwanted);
  CHECK(h.machine.statistics().repairedSymbols == 30);
}

void aChunkNeedsAllItsBlocks() {
  const ChunkLayout layout({k * symbolBytes * 3 / 2, k * symbolBytes / 2, 10}, symbolBytes);
  Harness h(config(), layout);
  const std::uint32_t blocks = layout.blocks().blocks();
  for (std::uint32_t b = blocks; b-- > 0;) {
    CHECK(!h.machine.nextReady());
    h.span(b, 0, static_cast<std::uint16_t>(layout.blocks().symbols(b)));
    if (b > 0) h.finishChunks();
  }
  CHECK(h.finishChunks() && h.machine.complete() && h.machine.statistics().slotsUsed == 0);
}

void aBadChunkIsLackingAgain() {
  const ChunkLayout layout = layoutOf({1, 1});
  Harness h(config(), layout);
  h.span(0, 0, 200);
  CHECK(h.finishChunks(false) && h.machine.state(0) == ChunkState::lacking);
  CHECK(h.machine.statistics().slotsUsed == 0);
  std::uint32_t chunk = 9;
  CHECK(h.machine.nextUnicast(h.now, {&chunk, 1}) == 1 && chunk == 0);
  h.machine.onChunkDone(0, false, h.now);
  h.span(0, 0, 200);
  CHECK(h.finishChunks() && h.machine.state(0) == ChunkState::present);
}

// Two chunks in one block. While unicast fetches the first, multicast brings the block for the second; then unicast
// fails. Nothing more comes of the block, so the first has to be offered from what is held for the second.
void whatUnicastFailedToFetchIsTakenFromMemory() {
  const ChunkLayout layout({k / 2 * symbolBytes, k / 2 * symbolBytes}, symbolBytes);
  Harness h(config(), layout);
  CHECK(h.asksWithin(10'000));
  h.now += 3'000'000;
  std::uint32_t chunk = 9;
  CHECK(h.machine.nextUnicast(h.now, {&chunk, 1}) == 1 && chunk == 0);
  h.span(0, 0, 200);
  const auto second = h.machine.nextReady();
  CHECK(second && second->chunk == 1 && !h.machine.nextReady());
  h.machine.onChunkDone(0, false, h.now);
  const auto first = h.machine.nextReady();
  CHECK(first && first->chunk == 0 && h.machine.slotOf(0) < 32);
  h.machine.onChunkDone(1, true, h.now);
  if (first) h.machine.onChunkDone(0, true, h.now);
  CHECK(h.machine.complete() && h.machine.statistics().slotsUsed == 0);
}

void memoryIsBoundedAndNeverLocked() {
  // Chunks of four blocks in sixteen slots, every block of every chunk begun before any is finished.
  const ChunkLayout layout = layoutOf({4, 4, 4, 4, 4, 4, 4, 4});
  Harness h(config(16), layout);
  for (int lap = 0; lap < 40 && !h.machine.complete(); ++lap) {
    for (std::uint16_t quarter = 0; quarter < 4; ++quarter) {
      for (std::uint32_t block = 0; block < 32; ++block) {
        for (std::uint16_t s = 0; s < 50; ++s) {
          const auto symbol = static_cast<std::uint16_t>(quarter * 50 + s);
          if (h.data(block, symbol).decodable) h.machine.onBlockDecoded(block);
        }
        h.finishChunks();
        CHECK(h.machine.statistics().slotsUsed <= 16);
      }
    }
  }
  CHECK(h.machine.complete());
}

void tooFewSlotsAreRefused() {
  const ChunkLayout layout = layoutOf({20});
  bool threw = false;
  try {
    Receiver receiver(config(16), layout, 0);
  } catch (const std::invalid_argument&) {
    threw = true;
  }
  CHECK(threw);
}

void theScanDecides() {
  const ChunkLayout layout = layoutOf({1, 1, 1});
  ReceiverConfig resume = config();
  resume.askBeforeScan = false;
  Harness h(resume, layout);
  h.announce(0, 3, {});
  CHECK(!h.asksWithin(1'000'000));
  h.machine.onScanned(0, true, h.now);
  h.machine.onScanned(1, false, h.now);
  const auto report = h.asksWithin(50'000);
  CHECK(report && report->runs.size() == 1 && report->runs[0].first == 1 && report->runs[0].count == 1);
  // What passes by is welcome though nobody knows yet whether it is needed; what is there is not.
  CHECK(h.data(2, 0).placement == Placement::store && h.data(0, 0).placement == Placement::unwanted);
  h.machine.onScanned(2, true, h.now);
  CHECK(h.machine.statistics().slotsUsed == 0);
  h.span(1, 0, 200);
  h.finishChunks();
  CHECK(h.machine.complete());
  h.machine.onScanned(0, false, h.now);
  CHECK(!h.machine.complete() && h.machine.state(0) == ChunkState::lacking);
}

void silenceMeansUnicastAndBack() {
  const ChunkLayout layout = layoutOf({1, 1, 1, 1});
  Harness h(config(), layout);
  std::uint32_t chunks[2];
  CHECK(h.machine.nextUnicast(h.now, chunks) == 0);
  CHECK(h.asksWithin(10'000));
  h.now += 2'000'000;
  CHECK(h.machine.nextUnicast(h.now, chunks) == 2 && h.machine.state(chunks[0]) == ChunkState::working);
  h.machine.onChunkDone(chunks[0], true, h.now);
  h.machine.onChunkDone(chunks[1], false, h.now);
  CHECK(h.machine.state(chunks[0]) == ChunkState::present && h.machine.state(chunks[1]) == ChunkState::lacking);
  h.announce(0, 4, {{0, 4, comesInTurn}});
  CHECK(h.machine.statistics().multicastAlive);
  std::uint32_t more[4];
  CHECK(h.machine.nextUnicast(h.now, more) == 1 && more[0] == chunks[1]);
}

void silenceBeginsWithTheQuestion() {
  const ChunkLayout layout = layoutOf({1, 1, 1, 1});
  ReceiverConfig resume = config();
  resume.askBeforeScan = false;
  Harness h(resume, layout);
  h.announce(0, 4, {});
  // A slow scan: for long nothing is lacking.
  CHECK(!h.asksWithin(10'000'000));
  h.machine.onScanned(0, true, h.now);
  h.machine.onScanned(1, false, h.now);
  std::uint32_t chunks[4];
  CHECK(h.machine.nextUnicast(h.now, chunks) == 0 && h.machine.statistics().multicastAlive);
  CHECK(h.asksWithin(1'000'000));
  h.now += 1'900'000;
  CHECK(h.machine.nextUnicast(h.now, chunks) == 0);
  h.now += 200'000;
  CHECK(h.machine.nextUnicast(h.now, chunks) == 1 && chunks[0] == 1);
  CHECK(!h.machine.statistics().multicastAlive);
}

void theMovedFetchWhatDoesNotCome() {
  const ChunkLayout layout = layoutOf({1, 1, 1});
  Harness h(config(), layout);
  h.announce(0, 3, {{2, 1, comesInTurn}}, {7});
  CHECK(h.machine.statistics().moved);
  std::uint32_t chunks[3];
  CHECK(h.machine.nextUnicast(h.now, chunks) == 2);
}

void stragglersGoByUnicastWhileMulticastLives() {
  const ChunkLayout layout = layoutOf({1, 1});
  Harness h(config(), layout);
  std::uint32_t chunk = 9;
  std::size_t got = 0;
  for (int i = 0; i < 100 && got == 0; ++i) {
    h.now += 100'000;
    h.announce(0, 2, {{0, 1, comesInTurn}});
    if (i % 10 == 0) h.data(0, static_cast<std::uint16_t>(i));
    while (h.machine.nextReport(h.now)) {}
    got = h.machine.nextUnicast(h.now, {&chunk, 1});
  }
  CHECK(got == 1 && chunk == 1 && h.now > 3'000'000 && h.now < 8'000'000);
}

void aNewStartKeepsTheSymbols() {
  const ChunkLayout layout = layoutOf({1, 1});
  Harness h(config(), layout);
  h.span(0, 0, 150);
  h.announce(0, 2, {{0, 1, 50}, {1, 1, comesInTurn}});
  h.start = 2;
  h.counter = 0;
  h.announce(0, 2, {});
  const auto report = h.asksWithin(50'000);
  CHECK(report && report->runs.size() == 2 && report->highestCounter == 1);
  CHECK(report && report->runs[0].first == 0 && report->runs[0].symbols == 50);
  h.start = 1;
  CHECK(h.data(0, 160).placement == Placement::unwanted); // of a sender that is gone
}

void unansweredReportsGrowRare() {
  const ChunkLayout layout = layoutOf({1});
  Harness h(config(), layout);
  h.span(0, 0, 190);
  int reports = 0;
  const Time end = h.now + 30'000'000;
  while (h.now < end) {
    h.announce(0, 1, {});
    reports += h.asksWithin(20'000).has_value();
    h.now += 1;
  }
  CHECK(reports >= 10 && reports <= 40);
}

void theLastReportLeaves() {
  const ChunkLayout layout = layoutOf({1});
  Harness h(config(), layout);
  h.announce(0, 1, {{0, 1, comesInTurn}});
  h.span(0, 0, 200);
  h.finishChunks();
  CHECK(h.machine.complete());
  int leaving = 0;
  for (int i = 0; i < 100; ++i, h.now += 100'000) {
    while (const auto report = h.machine.nextReport(h.now)) leaving += report->leaving;
  }
  CHECK(leaving == 1 && h.machine.wakeup() == never);
}

// Whoever waits for the last one of a room does not wait for its turn to report as well.
void whoIsDoneLeavesSoon() {
  const ChunkLayout layout = layoutOf({1});
  Harness h(config(), layout);
  h.announce(0, 1, {{0, 1, comesInTurn}});
  h.span(0, 0, 200);
  h.finishChunks();
  CHECK(h.machine.wakeup() <= h.now + 1'000);
}
} // namespace

int main() {
  joinsByAskingForEverything();
  whatIsPromisedIsNotAskedFor();
  onlyTheSurplusIsAskedFor();
  aLaterAnnounceSuppresses();
  anyKSymbolsDecode();
  aChunkNeedsAllItsBlocks();
  aBadChunkIsLackingAgain();
  whatUnicastFailedToFetchIsTakenFromMemory();
  memoryIsBoundedAndNeverLocked();
  tooFewSlotsAreRefused();
  theScanDecides();
  silenceMeansUnicastAndBack();
  silenceBeginsWithTheQuestion();
  theMovedFetchWhatDoesNotCome();
  stragglersGoByUnicastWhileMulticastLives();
  aNewStartKeepsTheSymbols();
  unansweredReportsGrowRare();
  theLastReportLeaves();
  whoIsDoneLeavesSoon();
  return volley_test::finish();
}
