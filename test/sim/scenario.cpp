#include "scenario.h"
#include "core/layout.h"
#include "core/limits.h"
#include <algorithm>

namespace volley_sim {

namespace {
using Random = std::mt19937_64;

bool oneIn(Random& random, std::uint64_t n) { return random() % n == 0; }
double upTo(Random& random, double most) { return static_cast<double>(random() % 10'001) / 10'000 * most; }

// Chunks as images have them, but smaller, so that a few thousand symbols hold many and they straddle blocks in
// every way: holes, tiny compressed ones, raw ones.
std::vector<std::uint32_t> randomChunks(Random& random, std::uint32_t symbolBytes, std::uint64_t symbolsMost) {
  std::vector<std::uint32_t> chunks;
  const auto kind = random() % 12;
  if (kind == 0) return {};                                  // nothing at all
  if (kind == 1) return std::vector<std::uint32_t>(5, 0);    // holes only
  if (kind == 2) return {static_cast<std::uint32_t>(1 + random() % 2000)}; // one chunk
  const std::uint64_t bytesMost = symbolsMost * symbolBytes;
  const std::uint32_t raw = oneIn(random, 4) ? volley::limits::chunkBytes : 16'384u << (random() % 5);
  std::uint64_t bytes = 0;
  const std::uint64_t bytesWanted = 1 + random() % bytesMost;
  while (bytes < bytesWanted && chunks.size() < 3000) {
    std::uint32_t stored = raw;
    if (oneIn(random, 5)) stored = 0;
    else if (oneIn(random, 2)) stored = static_cast<std::uint32_t>(1 + random() % raw);
    else if (oneIn(random, 6)) stored = static_cast<std::uint32_t>(1 + random() % 300);
    chunks.push_back(stored);
    bytes += stored;
  }
  return chunks;
}

LinkModel randomLink(Random& random, double lossMost) {
  LinkModel link;
  link.delay_us = 20 + random() % (oneIn(random, 6) ? 20'000 : 500);
  if (oneIn(random, 3)) link.jitter_us = random() % 200;
  if (!oneIn(random, 3)) link.loss = upTo(random, lossMost);
  if (oneIn(random, 4)) {
    link.burstsPerDatagram = upTo(random, 0.002);
    link.burstLength = static_cast<double>(2 + random() % 60);
  }
  if (oneIn(random, 4)) {
    link.reorder = upTo(random, 0.1);
    link.reorderDelay_us = 100 + random() % 5000;
  }
  if (oneIn(random, 4)) link.duplicate = upTo(random, 0.05);
  return link;
}

std::uint32_t slotsLeast(const std::vector<std::uint32_t>& chunks, std::uint32_t symbolBytes) {
  const volley::ChunkLayout layout(chunks, symbolBytes);
  std::uint32_t most = 0;
  for (std::uint32_t c = 0; c < layout.chunks(); ++c) {
    if (!layout.hole(c)) most = std::max(most, layout.lastBlock(c) - layout.firstBlock(c) + 1);
  }
  return std::max(volley::limits::receiverSlotsMin, most + volley::limits::interleavedBlocks);
}

ReceiverPlan randomReceiver(Random& random, double lossMost, Time usual_us, std::uint32_t slotsMin) {
  ReceiverPlan plan;
  if (oneIn(random, 3)) plan.joinAt = random() % (2 * usual_us);
  plan.down = randomLink(random, lossMost);
  plan.up = randomLink(random, lossMost);
  plan.diskBytesPerSecond = oneIn(random, 6) ? 1'000'000 + random() % 10'000'000 : 50'000'000 + random() % 2'000'000'000;
  plan.scanBytesPerSecond = 10'000'000 + random() % 3'000'000'000;
  plan.askBeforeScan = !oneIn(random, 3);
  if (oneIn(random, 3)) plan.held = upTo(random, 1);
  plan.slots = oneIn(random, 3) ? slotsMin : slotsMin + static_cast<std::uint32_t>(random() % 200);
  while (oneIn(random, 5)) plan.crashes.push_back({random() % (2 * usual_us), random() % 2'000'000});
  while (oneIn(random, 6)) plan.pauses.push_back({random() % (2 * usual_us), random() % 5'000'000});
  plan.deaf = oneIn(random, 40);
  return plan;
}
} // namespace

Scenario randomScenario(std::uint64_t seed) {
  Random random(seed * 0x9e3779b97f4a7c15ull + 1);
  Scenario scenario;
  scenario.seed = seed;
  scenario.symbolBytes = oneIn(random, 2) ? 1408 : 256 + 64 * static_cast<std::uint32_t>(random() % 30);
  const std::uint64_t people = 1 + (oneIn(random, 3) ? random() % 50 : random() % 8);
  scenario.storedBytes = randomChunks(random, scenario.symbolBytes, 60'000 / people);
  scenario.rateMax = oneIn(random, 3) ? 0 : 1'000'000 + random() % 400'000'000;
  scenario.linkBytesPerSecond = 10'000'000 + random() % 1'000'000'000;
  scenario.linkQueueBytes = 64 * 1024 + random() % 4'000'000;
  scenario.unicastBytesPerSecond = 2'000'000 + random() % 200'000'000;
  if (oneIn(random, 4)) scenario.unicastFailures = 0.1;
  if (oneIn(random, 6)) scenario.wrongSymbols = upTo(random, 0.0005);
  std::uint64_t bytes = 0;
  for (const std::uint32_t stored : scenario.storedBytes) bytes += stored;
  const Time usual_us = 20'000 + bytes * 1'000'000 / std::min<std::uint64_t>(scenario.linkBytesPerSecond, 25'000'000);
  while (oneIn(random, 4)) scenario.senderCrashes.push_back({random() % (2 * usual_us), random() % 4'000'000});
  const double lossMost = oneIn(random, 3) ? 0 : oneIn(random, 4) ? 0.2 : 0.03;
  const std::uint32_t slotsMin = slotsLeast(scenario.storedBytes, scenario.symbolBytes);
  for (std::uint64_t i = 0; i < people; ++i) {
    scenario.receivers.push_back(randomReceiver(random, lossMost, usual_us, slotsMin));
  }
  if (people > 2 && oneIn(random, 6)) scenario.receivers.back().liar = true;
  return scenario;
}

} // namespace volley_sim
