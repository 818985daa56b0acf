#include "named.h"
#include "world.h"
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace volley_sim {

namespace {
constexpr std::uint32_t people = 8;

// A room as it usually is: a 128 MiB image, eight machines, half a percent of loss.
Scenario room() {
  Scenario scenario;
  scenario.seed = 11;
  scenario.storedBytes.assign(128, 1 << 20);
  scenario.rateMax = 25'000'000;
  scenario.receivers.resize(people);
  for (ReceiverPlan& plan : scenario.receivers) {
    plan.down.loss = 0.005;
    plan.up.loss = 0.005;
    plan.slots = 256;
  }
  return scenario;
}

struct Comparison {
  Result usual, troubled;
  std::uint32_t others; // receivers 1 … others are compared
};

Comparison compare(const Scenario& usual, const Scenario& troubled, std::uint32_t others, bool trace) {
  return {World(usual, false).run(), World(troubled, trace).run(), others};
}

int judge(const std::string& name, const Comparison& c) {
  for (const Result* result : {&c.usual, &c.troubled}) {
    if (result->failure.empty()) continue;
    std::printf("%s: %s\n", name.c_str(), result->failure.c_str());
    return 1;
  }
  double slowest = 0, sentMost = 0;
  for (std::uint32_t i = 1; i <= c.others; ++i) {
    const ReceiverResult &troubled = c.troubled.receivers[i], &usual = c.usual.receivers[i];
    slowest = std::max(slowest, static_cast<double>(troubled.finishedAt) / static_cast<double>(usual.finishedAt));
    sentMost = std::max(sentMost, static_cast<double>(troubled.dataUntilThen) / static_cast<double>(usual.dataUntilThen));
  }
  const bool holds = slowest <= 1.02 && sentMost <= 1.02;
  std::printf("%s: the others took %.4f of their usual time at worst (%.3f s usually) and %.4f of the datagrams; in "
              "all %llu were sent instead of %llu: %s\n",
              name.c_str(), slowest, static_cast<double>(c.usual.receivers[1].finishedAt) / 1e6, sentMost,
              static_cast<unsigned long long>(c.troubled.dataDatagrams),
              static_cast<unsigned long long>(c.usual.dataDatagrams), holds ? "holds" : "DOES NOT HOLD");
  for (std::uint32_t i = c.others + 1; i < c.troubled.receivers.size(); ++i) {
    const ReceiverResult& one = c.troubled.receivers[i];
    std::printf("  receiver %u: done after %.3f s, %llu chunks by multicast, %llu by unicast\n", i,
                static_cast<double>(one.finishedAt) / 1e6, static_cast<unsigned long long>(one.multicastChunks),
                static_cast<unsigned long long>(one.unicastChunks));
  }
  return holds ? 0 : 1;
}

int flashCrowd(bool trace) {
  Scenario one = room();
  one.receivers.resize(1);
  Scenario crowd = room();
  crowd.receivers.resize(50, crowd.receivers[0]);
  for (std::uint32_t i = 0; i < crowd.receivers.size(); ++i) crowd.receivers[i].joinAt = i * 2'000;
  const Result alone = World(one, false).run();
  const Result all = World(crowd, trace).run();
  Time last = 0;
  for (const ReceiverResult& receiver : all.receivers) last = std::max(last, receiver.finishedAt);
  const double ratio = static_cast<double>(last) / static_cast<double>(alone.receivers[1].finishedAt);
  const double feedback = static_cast<double>(all.reports) / static_cast<double>(all.dataDatagrams);
  const bool holds = alone.failure.empty() && all.failure.empty() && ratio <= 1.10 && feedback < 0.05;
  std::printf("flash-crowd: 50 receivers in %.4f of the time of one, feedback %.4f of data: %s%s\n", ratio, feedback,
              holds ? "holds" : "DOES NOT HOLD ", (alone.failure + all.failure).c_str());
  return holds ? 0 : 1;
}
// With the rate left open, a room finds what its link carries, and loss that is not congestion does not slow it.
int automaticRate(bool trace) {
  int result = 0;
  for (const std::uint64_t link : {12'000'000ull, 117'000'000ull, 1'000'000'000ull}) {
    double lossless = 0; // bytes per second
    for (const double loss : {0.0, 0.01, 0.02, 0.1}) {
      Scenario scenario = room();
      scenario.storedBytes.assign(link > 500'000'000 ? 200 : link / 1'000'000 * 2, 1 << 20);
      scenario.linkBytesPerSecond = link;
      scenario.rateMax = 0;
      scenario.receivers.resize(4);
      for (ReceiverPlan& plan : scenario.receivers) {
        plan.down.loss = loss;
        plan.diskBytesPerSecond = 3'000'000'000;
      }
      const Result got = World(scenario, trace).run();
      Time last = 0;
      for (const ReceiverResult& receiver : got.receivers) last = std::max(last, receiver.finishedAt);
      const double bytes = static_cast<double>(got.dataDatagrams) * (scenario.symbolBytes + 72);
      const double rate = bytes / (static_cast<double>(last) / 1e6);
      const double share = rate / static_cast<double>(link);
      if (loss == 0) lossless = rate;
      const double more = static_cast<double>(got.dataDatagrams) * scenario.symbolBytes /
                          static_cast<double>(scenario.storedBytes.size() << 20);
      const bool keepsPace = loss > 0.02 || rate >= 0.9 * lossless;
      const bool holds = got.failure.empty() && keepsPace && share > (link > 500'000'000 ? 0.4 : 0.75) &&
                         more < (link > 500'000'000 ? 1.8 : 1.35);
      std::printf("automatic-rate: link of %llu MB/s, loss %.2f: %.3f of the link used, %.3f of the lossless rate, "
                  "%.3f times the image sent: %s%s\n",
                  static_cast<unsigned long long>(link / 1'000'000), loss, share, rate / lossless, more,
                  holds ? "holds" : "DOES NOT HOLD ", got.failure.c_str());
      std::fflush(stdout);
      result |= !holds;
    }
  }
  return result;
}
} // namespace

int runNamed(const std::string& name, bool trace) {
  if (name == "flash-crowd") return flashCrowd(trace);
  if (name == "automatic-rate") return automaticRate(trace);
  const Scenario usual = room();
  Scenario troubled = room();
  ReceiverPlan& last = troubled.receivers.back();
  if (name == "liar") {
    last.liar = true;
  } else if (name == "pause") {
    last.pauses.push_back({1'500'000, 30'000'000});
  } else if (name == "slow-disk") {
    last.diskBytesPerSecond = troubled.rateMax / 10;
  } else if (name == "late-join") {
    last.joinAt = 2'500'000;
  } else if (name == "joins-at-80") {
    last.joinAt = 4'600'000;
  } else if (name == "restarts") {
    last.crashes.push_back({2'900'000, 1'000'000});
    last.askBeforeScan = false;
  } else if (name == "vanishes") {
    last.crashes.push_back({2'900'000, 600'000'000});
  } else if (name == "loses-half") {
    last.down.loss = 0.5;
    troubled.limit_us = 60'000'000;
  } else {
    std::printf("There is no scenario '%s'; there are liar, loses-half, pause, slow-disk, late-join, joins-at-80,\n"
                "restarts, vanishes, flash-crowd and automatic-rate.\n",
                name.c_str());
    return 2;
  }
  return judge(name, compare(usual, troubled, people - 1, trace));
}

} // namespace volley_sim
