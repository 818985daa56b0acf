#include "core/reed_solomon_field.h"

namespace volley::rs {
namespace {

constexpr unsigned polynomial = 0x11d;

constexpr std::uint8_t multiplySlowly(unsigned left, unsigned right) {
  unsigned product = 0;
  for (; right != 0; right >>= 1) {
    if (right & 1) product ^= left;
    left <<= 1;
    if (left & 0x100) left ^= polynomial;
  }
  return static_cast<std::uint8_t>(product);
}

constexpr std::uint64_t affineOf(const std::uint8_t (&columns)[8]) {
  std::uint64_t matrix = 0;
  for (unsigned output = 0; output < 8; ++output) {
    std::uint64_t row = 0;
    for (unsigned input = 0; input < 8; ++input)
      row |= static_cast<std::uint64_t>(columns[input] >> output & 1) << input;
    matrix |= row << (8 * (7 - output));
  }
  return matrix;
}

constexpr FieldTables makeTables() {
  FieldTables tables{};
  unsigned element = 1;
  for (unsigned exponent = 0; exponent < groupOrder; ++exponent) {
    for (unsigned turn = 0; turn < 3; ++turn)
      tables.power[exponent + turn * groupOrder] = static_cast<std::uint8_t>(element);
    tables.logarithm[element] = static_cast<std::uint8_t>(exponent);
    element = multiplySlowly(element, 2);
  }
  for (unsigned value = 0; value < fieldSize; ++value) {
    if (value != 0) tables.inverse[value] = tables.power[groupOrder - tables.logarithm[value]];
    for (unsigned bit = 0; bit < 8; ++bit)
      tables.columns[value][bit] = multiplySlowly(value, 1u << bit);
    tables.affine[value] = affineOf(tables.columns[value]);
    for (unsigned nibble = 0; nibble < 16; ++nibble) {
      tables.nibbles[value][nibble] = multiplySlowly(value, nibble);
      tables.nibbles[value][16 + nibble] = multiplySlowly(value, nibble << 4);
    }
  }
  return tables;
}

} // namespace

constexpr FieldTables field = makeTables();

} // namespace volley::rs
