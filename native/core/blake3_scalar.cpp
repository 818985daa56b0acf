// BLAKE3 without SIMD: a vector of one lane.
#include "core/blake3_lanes.h"

namespace volley::blake3 {
namespace {

struct Scalar {
  using Word = std::uint32_t;
  static constexpr std::size_t lanes = 1;

  static Word load(const std::uint32_t* words) { return *words; }
  static Word splat(std::uint32_t word) { return word; }
  static void prefetch(std::uintptr_t) {}
  static void keep(Word& a) { VOLLEY_BLAKE3_KEEP(a, "r"); }
  static Word add(Word a, Word b) { return a + b; }
  static Word bitXor(Word a, Word b) { return a ^ b; }
  static Word rotate16(Word a) { return a >> 16 | a << 16; }
  static Word rotate12(Word a) { return a >> 12 | a << 20; }
  static Word rotate8(Word a) { return a >> 8 | a << 24; }
  static Word rotate7(Word a) { return a >> 7 | a << 25; }

  static void loadBlock(Word* message, const std::uint8_t* const* inputs, std::size_t offset) {
    const std::uint8_t* bytes = inputs[0] + offset;
    for (int i = 0; i < 16; ++i, bytes += 4)
      message[i] = static_cast<Word>(bytes[0]) | static_cast<Word>(bytes[1]) << 8 |
                   static_cast<Word>(bytes[2]) << 16 | static_cast<Word>(bytes[3]) << 24;
  }
  static void loadTail(Word* message, const std::uint8_t* const* inputs, std::size_t offset,
                       std::size_t length) {
    lanes::loadTailByCopy<Scalar>(message, inputs, offset, length);
  }
  static void storeValues(std::uint8_t* values, const Word* words) {
    for (int i = 0; i < 8; ++i, values += 4) {
      values[0] = static_cast<std::uint8_t>(words[i]);
      values[1] = static_cast<std::uint8_t>(words[i] >> 8);
      values[2] = static_cast<std::uint8_t>(words[i] >> 16);
      values[3] = static_cast<std::uint8_t>(words[i] >> 24);
    }
  }
};

struct ScalarLone {
  static void compress(std::uint32_t* value, const std::uint8_t* block, std::uint32_t length,
                       std::uint64_t counter, std::uint32_t flags) {
    std::uint32_t message[16];
    Scalar::loadBlock(message, &block, 0);
    lanes::compress<Scalar, false>(value, message, static_cast<std::uint32_t>(counter),
                                   static_cast<std::uint32_t>(counter >> 32), length, flags);
  }
};

using Table = lanes::Table<ScalarLone, Scalar>;
} // namespace

const Kernels scalarKernels = {InstructionSet::scalar, ScalarLone::compress, Table::chunks,
                               Table::zeroChunks,      Table::parents,       Table::keyedTags};

} // namespace volley::blake3
