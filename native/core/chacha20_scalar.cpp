// ChaCha20 a block at a time, for any processor.
#include "core/chacha20_lanes.h"

namespace volley::chacha20 {
namespace {

struct One {
  using Word = std::uint32_t;
  static constexpr std::size_t lanes = 1;

  static Word splat(std::uint32_t word) { return word; }
  static Word count(std::uint32_t first) { return first; }
  static Word add(Word a, Word b) { return a + b; }
  static Word bitXor(Word a, Word b) { return a ^ b; }
  static Word rotate16(Word a) { return a << 16 | a >> 16; }
  static Word rotate12(Word a) { return a << 12 | a >> 20; }
  static Word rotate8(Word a) { return a << 8 | a >> 24; }
  static Word rotate7(Word a) { return a << 7 | a >> 25; }
  static void xorBlocks(const Word* s, const std::uint8_t* in, std::uint8_t* out) {
    for (std::size_t i = 0; i < blockBytes; ++i) {
      out[i] = static_cast<std::uint8_t>(in[i] ^ (s[i / 4] >> (i % 4 * 8)));
    }
  }
};

} // namespace

void scalarBlocks(const std::uint32_t* state, const std::uint8_t* in, std::uint8_t* out, std::size_t count) {
  lanes::blocks<One>(state, in, out, count);
}

} // namespace volley::chacha20
