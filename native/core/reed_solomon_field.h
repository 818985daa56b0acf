// GF(2^8) under the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11d), generator 2: the tables that Reed-Solomon's
// kernels and matrices are made from. Addition is exclusive or. All of it is constant data, safe on any
// thread.
#pragma once
#include <cstddef>
#include <cstdint>

namespace volley::rs {

constexpr std::size_t fieldSize = 256;
constexpr unsigned groupOrder = 255; // of the non-zero elements

struct FieldTables {
  std::uint8_t logarithm[fieldSize];  // of the generator; [0] is unused and 0
  std::uint8_t power[3 * groupOrder]; // power[n] = 2^n for a sum of up to three logarithms
  std::uint8_t inverse[fieldSize];    // [0] is unused and 0
  // Row c holds c * 2^0 ... c * 2^7: multiplication by c as eight columns of bits.
  std::uint8_t columns[fieldSize][8];
  // The same in the layout of the instruction gf2p8affineqb: byte 7 - i picks the input bits of output bit i.
  std::uint64_t affine[fieldSize];
  // Row c holds c * n for n = 0..15, then c * 16n: the two halves a byte shuffle looks up.
  alignas(64) std::uint8_t nibbles[fieldSize][32];
};

extern const FieldTables field;

} // namespace volley::rs
