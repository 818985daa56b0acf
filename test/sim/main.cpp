// volley_sim: random sessions by seed, named scenarios, and the cost of many receivers. See --help.
#include "named.h"
#include "scale.h"
#include "world.h"
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

namespace {
using namespace volley_sim;

struct Options {
  std::uint64_t seeds = 0;
  std::uint64_t first = 1;
  bool oneSeed = false;
  std::uint64_t seed = 1;
  bool trace = false;
  std::string scenario;
  std::uint32_t scale = 0;
  double lossPercent = 1;
  bool burst = false;
  std::uint64_t bytes = 64ull << 20;
  std::uint32_t storedPerChunk = 1u << 20;
  double most = 2;
};

int usage() {
  std::printf("volley_sim --seeds N [--first S]         N random sessions\n"
              "volley_sim --seed S [--trace]            one of them\n"
              "volley_sim --scenario NAME [--trace]     liar, loses-half, pause, slow-disk, late-join,\n"
              "                                         joins-at-80, restarts, vanishes, flash-crowd,\n"
              "                                         automatic-rate\n"
              "volley_sim --scale RECEIVERS [--loss PERCENT] [--burst] [--bytes N] [--stored BYTES] [--most RATIO] [--seed S]\n");
  return 2;
}

bool runSeed(std::uint64_t seed, bool trace, const char* program) {
  World world(randomScenario(seed), trace);
  const Result result = world.run();
  if (trace) {
    std::printf("%llu data, %llu announces, %llu reports, %llu events, %u moved, %.3f s\n",
                static_cast<unsigned long long>(result.dataDatagrams),
                static_cast<unsigned long long>(result.announceDatagrams),
                static_cast<unsigned long long>(result.reports), static_cast<unsigned long long>(result.events),
                result.moved, static_cast<double>(result.endedAt) / 1e6);
  }
  if (result.failure.empty()) return true;
  std::printf("seed %llu: %s\n  %s --seed %llu --trace\n", static_cast<unsigned long long>(seed),
              result.failure.c_str(), program, static_cast<unsigned long long>(seed));
  return false;
}

int runSeeds(const Options& options, const char* program) {
  std::uint64_t failed = 0;
  auto told = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < options.seeds; ++i) {
    failed += !runSeed(options.first + i, false, program);
    const auto now = std::chrono::steady_clock::now();
    if (now - told < std::chrono::seconds(5)) continue;
    told = now;
    std::printf("%llu of %llu\n", static_cast<unsigned long long>(i + 1), static_cast<unsigned long long>(options.seeds));
    std::fflush(stdout);
  }
  std::printf("%llu scenarios, %llu failed\n", static_cast<unsigned long long>(options.seeds),
              static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}
} // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&]() -> std::string { return i + 1 < argc ? argv[++i] : ""; };
    try {
      if (name == "--seeds") options.seeds = std::stoull(value());
      else if (name == "--first") options.first = std::stoull(value());
      else if (name == "--seed") { options.oneSeed = true; options.seed = std::stoull(value()); }
      else if (name == "--trace") options.trace = true;
      else if (name == "--scenario") options.scenario = value();
      else if (name == "--scale") options.scale = static_cast<std::uint32_t>(std::stoul(value()));
      else if (name == "--loss") options.lossPercent = std::stod(value());
      else if (name == "--burst") options.burst = true;
      else if (name == "--bytes") options.bytes = std::stoull(value());
      else if (name == "--most") options.most = std::stod(value());
      else if (name == "--stored") options.storedPerChunk = static_cast<std::uint32_t>(std::stoul(value()));
      else return usage();
    } catch (const std::exception&) {
      return usage();
    }
  }
  if (!options.scenario.empty()) return runNamed(options.scenario, options.trace);
  if (options.scale > 0) {
    return runScale({options.scale, options.lossPercent / 100, options.burst, options.bytes,
                     options.storedPerChunk, options.seed, options.most});
  }
  if (options.seeds > 0) return runSeeds(options, argv[0]);
  if (options.oneSeed) return runSeed(options.seed, options.trace, argv[0]) ? 0 : 1;
  return usage();
}
