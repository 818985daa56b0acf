// Reed-Solomon against an independent reference: multiplication by the definition of the field, parity by the
// definition of the code. Random patterns print their seed; `test_core_reed_solomon SEED` repeats a run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "check.h"
#include "core/reed_solomon.h"
#include "core/reed_solomon_field.h"

namespace {
namespace rs = volley::rs;
using Bytes = std::vector<std::uint8_t>;
using Random = std::mt19937_64;

constexpr rs::InstructionSet allSets[] = {rs::InstructionSet::scalar, rs::InstructionSet::ssse3,
                                          rs::InstructionSet::avx2, rs::InstructionSet::gfni512};

// Carry-less product, then reduction from the top: nothing shared with how the tables are made.
unsigned referenceProduct(unsigned left, unsigned right) {
  unsigned product = 0;
  for (unsigned bit = 0; bit < 8; ++bit)
    if (right >> bit & 1) product ^= left << bit;
  for (unsigned bit = 15; bit >= 8; --bit)
    if (product >> bit & 1) product ^= 0x11du << (bit - 8);
  return product;
}

unsigned referenceInverse(unsigned value) {
  for (unsigned candidate = 1; candidate < 256; ++candidate)
    if (referenceProduct(value, candidate) == 1) return candidate;
  return 0;
}

// A block of symbols in memory of its own, `shift` bytes off alignment, with guard bytes after every symbol.
struct Block {
  static constexpr std::size_t guardBytes = 3;
  static constexpr std::uint8_t guard = 0xa5;
  std::size_t count, length, stride, shift;
  Bytes memory;
  Block(std::size_t symbols, std::size_t symbolLength, std::size_t offAlignment)
      : count(symbols), length(symbolLength), stride(symbolLength + guardBytes), shift(offAlignment),
        memory(shift + count * stride, guard) {}
  std::uint8_t* symbol(std::size_t index) { return memory.data() + shift + index * stride; }
  void fill(std::size_t index, std::uint8_t value) { std::fill_n(symbol(index), length, value); }
  void randomize(Random& random) {
    for (std::size_t index = 0; index < count; ++index)
      std::generate_n(symbol(index), length, [&] { return static_cast<std::uint8_t>(random()); });
  }
  bool guardsHold() {
    for (std::size_t index = 0; index < count; ++index)
      if (std::count(symbol(index) + length, symbol(index) + stride, guard) !=
          static_cast<std::ptrdiff_t>(guardBytes))
        return false;
    return std::count(memory.begin(), memory.begin() + static_cast<std::ptrdiff_t>(shift), guard) ==
           static_cast<std::ptrdiff_t>(shift);
  }
};

std::vector<const std::uint8_t*> pointers(Block& block) {
  std::vector<const std::uint8_t*> result;
  for (std::size_t index = 0; index < block.count; ++index)
    result.push_back(block.symbol(index));
  return result;
}

void encodeInto(Block& sources, Block& parity, std::size_t first) {
  std::vector<std::uint8_t*> outputs;
  for (std::size_t index = 0; index < parity.count; ++index)
    outputs.push_back(parity.symbol(index));
  rs::encode(pointers(sources), sources.length, first, outputs);
}

// std::vector<bool> has no span.
struct Presence {
  std::unique_ptr<bool[]> flags;
  std::size_t count;
  explicit Presence(std::size_t sources) : flags(new bool[sources]), count(sources) {
    std::fill_n(flags.get(), sources, true);
  }
  std::span<const bool> span() const { return {flags.get(), count}; }
};

void testField() {
  const rs::FieldTables& field = rs::field;
  for (unsigned left = 0; left < 256; ++left) {
    for (unsigned right = 0; right < 256; ++right) {
      const unsigned product = referenceProduct(left, right);
      CHECK((field.nibbles[left][right & 15] ^ field.nibbles[left][16 + (right >> 4)]) == product);
      unsigned fromColumns = 0;
      unsigned fromAffine = 0;
      for (unsigned bit = 0; bit < 8; ++bit) {
        if (right >> bit & 1) fromColumns ^= field.columns[left][bit];
        const unsigned row = static_cast<unsigned>(field.affine[left] >> (8 * (7 - bit)) & 0xff);
        fromAffine |= static_cast<unsigned>(__builtin_popcount(row & right) & 1) << bit;
      }
      CHECK(fromColumns == product);
      CHECK(fromAffine == product);
      if (left != 0 && right != 0)
        CHECK(field.power[field.logarithm[left] + field.logarithm[right]] == product);
    }
    CHECK(field.inverse[left] == referenceInverse(left));
  }
  for (unsigned exponent = 0; exponent < 3 * rs::groupOrder; ++exponent)
    CHECK(field.power[exponent] == field.power[exponent % rs::groupOrder]);
}

// Parity by its definition, byte by byte, for lengths around every vector size, odd alignments and null
// sources.
void testEncodeAgainstDefinition(Random& random) {
  const std::size_t lengths[] = {1,  7,  8,   9,   15,  16,  17,  31,  32,  33,  47,  63,
                                 64, 65, 127, 128, 129, 191, 255, 256, 257, 321, 449, 1408};
  for (const std::size_t length : lengths) {
    const std::size_t sourceCount = 1 + random() % 24;
    const std::size_t outputCount = 1 + random() % 23;
    const std::size_t first = sourceCount + random() % (257 - sourceCount - outputCount);
    Block sources(sourceCount, length, random() % 64);
    sources.randomize(random);
    auto inputs = pointers(sources);
    if (random() % 2) {
      const std::size_t zero = random() % sourceCount;
      sources.fill(zero, 0);
      inputs[zero] = nullptr;
    }
    Bytes expected;
    for (std::size_t output = 0; output < outputCount; ++output)
      for (std::size_t byte = 0; byte < length; ++byte) {
        unsigned sum = 0;
        for (std::size_t source = 0; source < sourceCount; ++source)
          sum ^= referenceProduct(referenceInverse(static_cast<unsigned>((first + output) ^ source)),
                                  sources.symbol(source)[byte]);
        expected.push_back(static_cast<std::uint8_t>(sum));
      }
    for (const auto set : allSets) {
      if (!rs::supported(set)) continue;
      rs::force(set);
      Block parity(outputCount, length, random() % 64);
      std::vector<std::uint8_t*> outputs;
      for (std::size_t output = 0; output < outputCount; ++output)
        outputs.push_back(parity.symbol(output));
      rs::encode(inputs, length, first, outputs);
      bool same = true;
      for (std::size_t output = 0; output < outputCount; ++output)
        same = same && std::equal(outputs[output], outputs[output] + length,
                                  expected.begin() + static_cast<std::ptrdiff_t>(output * length));
      CHECK(same);
      CHECK(parity.guardsHold());
    }
  }
}

// Takes `lost` away, decodes from the parity symbols in `taken` (indices into parity) and compares.
void decodeAndCompare(Block& sources, Block& parity, const std::vector<std::size_t>& lost,
                      const std::vector<std::size_t>& taken, std::size_t first) {
  Block received = sources;
  Presence present(sources.count);
  for (const std::size_t source : lost) {
    received.fill(source, 0xee);
    present.flags[source] = false;
  }
  std::vector<rs::ParitySymbol> symbols;
  for (const std::size_t index : taken)
    symbols.push_back({first + index, parity.symbol(index)});
  const Block before = received;
  const bool decoded =
      rs::decode(received.symbol(0), sources.count, sources.length, sources.stride, present.span(), symbols);
  CHECK(decoded == (taken.size() >= lost.size()));
  CHECK(received.memory == (decoded ? sources.memory : before.memory));
}

std::vector<std::size_t> setBits(unsigned mask) {
  std::vector<std::size_t> result;
  for (std::size_t bit = 0; mask >> bit != 0; ++bit)
    if (mask >> bit & 1) result.push_back(bit);
  return result;
}

// Every subset of sources lost with every subset of parity received, the hopeless ones included.
void testAllPatternsOfSmallBlocks(Random& random) {
  for (std::size_t sourceCount = 1; sourceCount <= 6; ++sourceCount)
    for (std::size_t parityCount = 1; parityCount <= 4; ++parityCount) {
      Block sources(sourceCount, 71, 1);
      Block parity(parityCount, 71, 2);
      sources.randomize(random);
      encodeInto(sources, parity, sourceCount);
      for (unsigned lost = 0; lost < 1u << sourceCount; ++lost)
        for (unsigned taken = 0; taken < 1u << parityCount; ++taken)
          decodeAndCompare(sources, parity, setBits(lost), setBits(taken), sourceCount);
    }
}

std::vector<std::size_t> pick(Random& random, std::size_t count, std::size_t from) {
  std::vector<std::size_t> all(from);
  for (std::size_t index = 0; index < from; ++index)
    all[index] = index;
  std::shuffle(all.begin(), all.end(), random);
  all.resize(count);
  return all;
}

void testRandomPatternsOfBigBlocks(Random& random) {
  for (int round = 0; round < 120; ++round) {
    const std::size_t sourceCount = round == 0 ? 255 : round == 1 ? 128 : 1 + random() % 255;
    const std::size_t most = 256 - sourceCount;
    const std::size_t parityCount = round < 2 ? most : 1 + random() % std::min<std::size_t>(most, 40);
    const std::size_t length = random() % 2 ? 1408 : 1 + random() % 600;
    const std::size_t first = sourceCount + random() % (most - parityCount + 1);
    Block sources(sourceCount, length, random() % 64);
    Block parity(parityCount, length, random() % 64);
    sources.randomize(random);
    encodeInto(sources, parity, first);
    const std::size_t losses = round < 2 ? most : random() % (std::min(sourceCount, parityCount) + 1);
    const std::size_t received = losses + random() % (parityCount - losses + 1);
    decodeAndCompare(sources, parity, pick(random, losses, sourceCount), pick(random, received, parityCount),
                     first);
  }
}

// Repeated parity and numbers outside the code must not count as help.
void testUselessParity(Random& random) {
  Block sources(10, 100, 0);
  Block parity(2, 100, 0);
  sources.randomize(random);
  encodeInto(sources, parity, 10);
  Block received = sources;
  received.fill(3, 1);
  received.fill(7, 2);
  Presence present(10);
  present.flags[3] = present.flags[7] = false;
  const Block before = received;
  std::vector<rs::ParitySymbol> symbols = {
      {10, parity.symbol(0)}, {10, parity.symbol(0)}, {9, parity.symbol(1)}, {256, parity.symbol(1)}};
  const auto decode = [&] {
    return rs::decode(received.symbol(0), 10, 100, received.stride, present.span(), symbols);
  };
  CHECK(!decode());
  CHECK(received.memory == before.memory);
  symbols.push_back({11, parity.symbol(1)});
  CHECK(decode());
  CHECK(received.memory == sources.memory);
}

void testSameBytesFromEverySet(Random& random) {
  for (int round = 0; round < 12; ++round) {
    const std::size_t sourceCount = 100 + random() % 120;
    const std::size_t parityCount = 1 + random() % 21;
    Block sources(sourceCount, 1 + random() % 1500, random() % 64);
    sources.randomize(random);
    Bytes expected;
    for (const auto set : allSets) {
      if (!rs::supported(set)) continue;
      rs::force(set);
      Block parity(parityCount, sources.length, 5);
      encodeInto(sources, parity, sourceCount);
      if (expected.empty()) expected = parity.memory;
      CHECK(parity.memory == expected);
    }
  }
}

} // namespace

int main(int argumentCount, char** arguments) {
  const std::uint64_t seed =
      argumentCount > 1 ? std::strtoull(arguments[1], nullptr, 10) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Random random(seed);
  CHECK(rs::active() == rs::best());
  testField();
  testEncodeAgainstDefinition(random);
  testSameBytesFromEverySet(random);
  for (const auto set : allSets) {
    if (!rs::supported(set)) {
      std::printf("instruction set %d: not on this machine\n", static_cast<int>(set));
      continue;
    }
    rs::force(set);
    CHECK(rs::active() == set);
    testAllPatternsOfSmallBlocks(random);
    testRandomPatternsOfBigBlocks(random);
    testUselessParity(random);
  }
  return volley_test::finish();
}
