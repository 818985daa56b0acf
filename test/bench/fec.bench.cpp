// Speed of Reed-Solomon for each instruction set, beside ISA-L. What is counted is
// source data: symbols of 1408 bytes, 200 to a block. "warm" works on one block again and again; "cold" walks
// through more blocks than the caches hold. Ours counts everything a call does, its matrix included; ISA-L is
// handed its tables ready-made, for decoding those of the inverted matrix. `bench_fec [--seconds S]`; the last line is the
// result as JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/reed_solomon.h"
#include "figures.h"

#include <immintrin.h>
#include <isa-l/erasure_code.h>

namespace {
namespace rs = volley::rs;

constexpr std::size_t symbolBytes = 1408;
constexpr std::size_t sourceCount = 200;
constexpr std::size_t maxParity = 20;
constexpr std::size_t slotCount = sourceCount + maxParity;
constexpr std::size_t coldBlocks = 384; // 119 MB
constexpr int repetitions = 5;
constexpr std::size_t parityCounts[] = {1, 2, 5, 10, 20};
constexpr std::size_t lossCounts[] = {1, 10, 20};

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

void report(volley_bench::Figures& figures, const std::string& name,
            const std::function<void(std::size_t)>& work) {
  figures.add(name, measure(work));
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

void benchOurs(Arena& arena, const std::string& temperature, volley_bench::Figures& figures) {
  const std::pair<rs::InstructionSet, const char*> sets[] = {{rs::InstructionSet::scalar, "scalar"},
                                                             {rs::InstructionSet::ssse3, "ssse3"},
                                                             {rs::InstructionSet::avx2, "avx2"},
                                                             {rs::InstructionSet::gfni512, "gfni512"}};
  for (const auto& [set, name] : sets) {
    if (!rs::supported(set)) continue;
    rs::force(set);
    const std::string prefix = temperature + " " + name;
    for (const std::size_t parity : parityCounts)
      report(figures, prefix + " encode 200+" + std::to_string(parity),
             [&](std::size_t block) { encodeBlock(arena, block, parity); });
    for (const std::size_t losses : lossCounts)
      report(figures, prefix + " decode " + std::to_string(losses) + " lost",
             [&](std::size_t block) { decodeBlock(arena, block, losses); });
  }
}

using IsalEncode = void(int, int, int, unsigned char*, unsigned char**, unsigned char**);

// ISA-L's AVX functions leave the upper register halves in use, which slows SSE code that runs after them.
__attribute__((target("avx"))) void releaseUpperHalves() {
  if (__builtin_cpu_supports("avx")) _mm256_zeroupper();
}

// A Cauchy code of ISA-L's. Encoding and decoding are one call, from the slots `inputs` of a block to `outputs`, and
// differ in the tables.
class IsalCode {
public:
  IsalCode() : matrix_(slotCount * sourceCount) {
    gf_gen_cauchy1_matrix(matrix_.data(), slotCount, sourceCount);
  }

  struct Work {
    std::vector<std::size_t> inputs, outputs;
    std::vector<unsigned char> tables;

    void run(IsalEncode* call, Arena& arena, std::size_t block) {
      unsigned char* from[sourceCount];
      unsigned char* to[maxParity];
      for (std::size_t index = 0; index < sourceCount; ++index) from[index] = arena.slot(block, inputs[index]);
      for (std::size_t index = 0; index < outputs.size(); ++index) to[index] = arena.slot(block, outputs[index]);
      call(symbolBytes, sourceCount, static_cast<int>(outputs.size()), tables.data(), from, to);
    }
  };

  Work encoding(std::size_t parityCount) const {
    Work work;
    for (std::size_t index = 0; index < sourceCount; ++index) work.inputs.push_back(index);
    for (std::size_t index = 0; index < parityCount; ++index) work.outputs.push_back(sourceCount + index);
    setTables(work, {row(sourceCount), parityCount * sourceCount});
    return work;
  }

  Work decoding(std::size_t losses) const {
    Work work = encoding(0);
    for (std::size_t index = 0; index < losses; ++index) {
      work.outputs.push_back(index * 37 % sourceCount);
      work.inputs[work.outputs.back()] = sourceCount + index;
    }
    std::vector<unsigned char> arrived, inverse(sourceCount * sourceCount), rows;
    for (const std::size_t input : work.inputs) arrived.insert(arrived.end(), row(input), row(input) + sourceCount);
    if (gf_invert_matrix(arrived.data(), inverse.data(), sourceCount) != 0) std::abort();
    for (const std::size_t lost : work.outputs) {
      const unsigned char* const of = inverse.data() + lost * sourceCount;
      rows.insert(rows.end(), of, of + sourceCount);
    }
    setTables(work, rows);
    return work;
  }

private:
  const unsigned char* row(std::size_t slot) const { return matrix_.data() + slot * sourceCount; }

  static void setTables(Work& work, std::span<const unsigned char> rows) {
    std::vector<unsigned char> copy(rows.begin(), rows.end()); // taken as if it were written to
    work.tables.resize(32 * rows.size());
    if (!rows.empty())
      ec_init_tables(sourceCount, static_cast<int>(rows.size() / sourceCount), copy.data(), work.tables.data());
  }

  std::vector<unsigned char> matrix_;
};

// What is lost comes back: else it would be another code's speed.
void checkIsal(const IsalCode& code, Arena& arena) {
  code.encoding(maxParity).run(ec_encode_data, arena, 0);
  IsalCode::Work decoding = code.decoding(maxParity);
  for (const std::size_t lost : decoding.outputs) {
    std::uint8_t* const slot = arena.slot(0, lost);
    const std::vector<std::uint8_t> sent(slot, slot + symbolBytes);
    std::fill_n(slot, symbolBytes, std::uint8_t{0});
    decoding.run(ec_encode_data, arena, 0);
    if (!std::equal(sent.begin(), sent.end(), slot)) std::abort();
  }
}

void benchIsal(Arena& arena, const std::string& temperature, volley_bench::Figures& figures) {
  const std::pair<IsalEncode*, const char*> sets[] = {
      {ec_encode_data_sse, "isal-sse"}, {ec_encode_data_avx2, "isal-avx2"}, {ec_encode_data, "isal-best"}};
  const IsalCode code;
  checkIsal(code, arena);
  for (const auto& [encode, name] : sets) {
    const auto bench = [&, call = encode](const std::string& what, IsalCode::Work work) {
      report(figures, temperature + " " + name + " " + what,
             [&](std::size_t block) { work.run(call, arena, block); });
      releaseUpperHalves();
    };
    for (const std::size_t parity : parityCounts) bench("encode 200+" + std::to_string(parity), code.encoding(parity));
    for (const std::size_t losses : lossCounts)
      bench("decode " + std::to_string(losses) + " lost", code.decoding(losses));
  }
}

} // namespace

int main(int argumentCount, char** arguments) {
  for (int index = 1; index < argumentCount; ++index) {
    if (std::string(arguments[index]) == "--seconds" && index + 1 < argumentCount) {
      secondsPerRun = std::atof(arguments[++index]);
    } else {
      std::fprintf(stderr, "usage: bench_fec [--seconds S]\n");
      return 2;
    }
  }
  volley_bench::Figures figures;
  for (const bool warm : {true, false}) {
    Arena arena(warm ? 1 : coldBlocks);
    const std::string temperature = warm ? "warm" : "cold";
    benchOurs(arena, temperature, figures);
    benchIsal(arena, temperature, figures);
  }
  figures.print("\"symbolBytes\":" + std::to_string(symbolBytes) + ",\"sources\":" + std::to_string(sourceCount));
  return 0;
}
