// Speed of Reed-Solomon for each instruction set, beside ISA-L where CMake found it. What is counted is
// source data: symbols of 1408 bytes, 200 to a block. "warm" works on one block again and again; "cold" walks
// through more blocks than the caches hold. Ours counts everything a call does, its matrix included; ISA-L is
// handed its tables ready-made. `bench_fec [--json] [--seconds S]`; with --json the last line is the results
// as JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/reed_solomon.h"

#ifdef VOLLEY_BENCH_ISAL
#include <immintrin.h>
#include <isa-l/erasure_code.h>
#endif

namespace {
namespace rs = volley::rs;

constexpr std::size_t symbolBytes = 1408;
constexpr std::size_t sourceCount = 200;
constexpr std::size_t maxParity = 20;
constexpr std::size_t slotCount = sourceCount + maxParity;
constexpr std::size_t coldBlocks = 384; // 119 MB
constexpr int repetitions = 5;

struct Arena {
  std::size_t blocks;
  std::vector<std::uint8_t> memory;
  explicit Arena(std::size_t blockCount) : blocks(blockCount), memory(blockCount * slotCount * symbolBytes) {
    std::mt19937_64 random(1);
    for (std::size_t offset = 0; offset + 8 <= memory.size(); offset += 8) {
      const std::uint64_t word = random();
      std::memcpy(memory.data() + offset, &word, 8);
    }
  }
  std::uint8_t* slot(std::size_t block, std::size_t index) {
    return memory.data() + (block % blocks * slotCount + index) * symbolBytes;
  }
};

struct Result {
  std::string name;
  double gigabytesPerSecond;
};

double secondsPerRun = 0.2;

// The best of a few runs: the others met another program on the same core.
double measure(const std::function<void(std::size_t)>& work) {
  double best = 0;
  std::size_t block = 0;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    std::size_t done = 0;
    double elapsed = 0;
    do {
      for (int turn = 0; turn < 16; ++turn, ++done)
        work(block++);
      elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    } while (elapsed < secondsPerRun / repetitions);
    best = std::max(best, static_cast<double>(done * sourceCount * symbolBytes) / elapsed / 1e9);
  }
  return best;
}

void report(std::vector<Result>& results, const std::string& name,
            const std::function<void(std::size_t)>& work) {
  results.push_back({name, measure(work)});
  std::printf("%-34s %7.2f GB/s\n", name.c_str(), results.back().gigabytesPerSecond);
}

void encodeBlock(Arena& arena, std::size_t block, std::size_t parityCount) {
  const std::uint8_t* sources[sourceCount];
  std::uint8_t* outputs[maxParity];
  for (std::size_t index = 0; index < sourceCount; ++index)
    sources[index] = arena.slot(block, index);
  for (std::size_t index = 0; index < parityCount; ++index)
    outputs[index] = arena.slot(block, sourceCount + index);
  rs::encode(sources, symbolBytes, sourceCount, {outputs, parityCount});
}

void decodeBlock(Arena& arena, std::size_t block, std::size_t losses) {
  bool present[sourceCount];
  std::fill_n(present, sourceCount, true);
  rs::ParitySymbol parity[maxParity];
  for (std::size_t index = 0; index < losses; ++index) {
    present[(index * 37 + block) % sourceCount] = false;
    parity[index] = {sourceCount + index, arena.slot(block, sourceCount + index)};
  }
  if (!rs::decode(arena.slot(block, 0), sourceCount, symbolBytes, symbolBytes, present, {parity, losses}))
    std::abort();
}

void benchOurs(Arena& arena, const std::string& temperature, std::vector<Result>& results) {
  const std::pair<rs::InstructionSet, const char*> sets[] = {{rs::InstructionSet::scalar, "scalar"},
                                                             {rs::InstructionSet::ssse3, "ssse3"},
                                                             {rs::InstructionSet::avx2, "avx2"},
                                                             {rs::InstructionSet::gfni512, "gfni512"}};
  for (const auto& [set, name] : sets) {
    if (!rs::supported(set)) continue;
    rs::force(set);
    const std::string prefix = temperature + " " + name;
    for (const std::size_t parity : {1, 2, 5, 10, 20})
      report(results, prefix + " encode 200+" + std::to_string(parity),
             [&](std::size_t block) { encodeBlock(arena, block, parity); });
    for (const std::size_t losses : {1, 10, 20})
      report(results, prefix + " decode " + std::to_string(losses) + " lost",
             [&](std::size_t block) { decodeBlock(arena, block, losses); });
  }
}

#ifdef VOLLEY_BENCH_ISAL
using IsalEncode = void(int, int, int, unsigned char*, unsigned char**, unsigned char**);

// ISA-L's AVX functions leave the upper register halves in use, which slows SSE code that runs after them.
__attribute__((target("avx"))) void releaseUpperHalves() {
  if (__builtin_cpu_supports("avx")) _mm256_zeroupper();
}

// Decoding is the same call over other rows, so one measurement stands for both.
void benchIsal(Arena& arena, const std::string& temperature, std::vector<Result>& results) {
  const std::pair<IsalEncode*, const char*> sets[] = {
      {ec_encode_data_sse, "isal-sse"}, {ec_encode_data_avx2, "isal-avx2"}, {ec_encode_data, "isal-best"}};
  std::vector<unsigned char> matrix(slotCount * sourceCount);
  gf_gen_cauchy1_matrix(matrix.data(), slotCount, sourceCount);
  std::vector<unsigned char> tables(32 * sourceCount * maxParity);
  for (const auto& [encode, name] : sets)
    for (const std::size_t parity : {1, 2, 5, 10, 20}) {
      ec_init_tables(sourceCount, static_cast<int>(parity), matrix.data() + sourceCount * sourceCount,
                     tables.data());
      report(results, temperature + " " + name + " encode 200+" + std::to_string(parity),
             [&, call = encode](std::size_t block) {
               unsigned char* sources[sourceCount];
               unsigned char* outputs[maxParity];
               for (std::size_t index = 0; index < sourceCount; ++index)
                 sources[index] = arena.slot(block, index);
               for (std::size_t index = 0; index < parity; ++index)
                 outputs[index] = arena.slot(block, sourceCount + index);
               call(symbolBytes, sourceCount, static_cast<int>(parity), tables.data(), sources, outputs);
             });
      releaseUpperHalves();
    }
}
#endif

} // namespace

int main(int argumentCount, char** arguments) {
  bool json = false;
  for (int index = 1; index < argumentCount; ++index) {
    const std::string argument = arguments[index];
    if (argument == "--json") {
      json = true;
    } else if (argument == "--seconds" && index + 1 < argumentCount) {
      secondsPerRun = std::atof(arguments[++index]);
    } else {
      std::fprintf(stderr, "usage: bench_fec [--json] [--seconds S]\n");
      return 2;
    }
  }
  std::vector<Result> results;
  for (const bool warm : {true, false}) {
    Arena arena(warm ? 1 : coldBlocks);
    const std::string temperature = warm ? "warm" : "cold";
    benchOurs(arena, temperature, results);
#ifdef VOLLEY_BENCH_ISAL
    benchIsal(arena, temperature, results);
#endif
  }
  if (!json) return 0;
  std::printf("{\"benchmark\":\"fec\",\"symbolBytes\":%zu,\"sources\":%zu,\"gigabytesPerSecond\":{",
              symbolBytes, sourceCount);
  for (std::size_t index = 0; index < results.size(); ++index)
    std::printf("%s\"%s\":%.3f", index == 0 ? "" : ",", results[index].name.c_str(),
                results[index].gigabytesPerSecond);
  std::printf("}}\n");
  return 0;
}
