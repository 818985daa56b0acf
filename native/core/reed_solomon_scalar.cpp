#include <algorithm>
#include <cstring>

#include "core/reed_solomon_field.h"
#include "core/reed_solomon_kernel.h"

namespace volley::rs {
namespace {

constexpr std::size_t wordBytes = 8;
constexpr std::size_t groupOutputs = 4;
constexpr std::uint64_t lowBits = 0x0101010101010101u;

// Eight bytes at a time: bit n of every byte, spread out as 0 or 1, times the byte c * 2^n never carries into
// the next byte, so one 64-bit multiplication handles that bit in all eight.
template <std::size_t Outputs>
void multiplyWord(const Product& product, std::size_t firstOutput, std::size_t offset, std::size_t bytes) {
  std::uint64_t sums[Outputs] = {};
  for (std::size_t input = 0; input < product.inputCount; ++input) {
    std::uint64_t word = 0;
    std::memcpy(&word, product.inputs[input] + offset, bytes);
    std::uint64_t bits[8];
    for (unsigned bit = 0; bit < 8; ++bit)
      bits[bit] = word >> bit & lowBits;
    const std::uint8_t* row = product.coefficients + input * product.outputCount + firstOutput;
    for (std::size_t output = 0; output < Outputs; ++output) {
      const std::uint8_t* columns = field.columns[row[output]];
      for (unsigned bit = 0; bit < 8; ++bit)
        sums[output] ^= bits[bit] * columns[bit];
    }
  }
  for (std::size_t output = 0; output < Outputs; ++output)
    std::memcpy(product.outputs[firstOutput + output] + offset, &sums[output], bytes);
}

} // namespace

void multiplyScalarRange(const Product& product, std::size_t begin, std::size_t end) {
  for (std::size_t offset = begin; offset < end; offset += wordBytes) {
    const std::size_t bytes = std::min(wordBytes, end - offset);
    std::size_t output = 0;
    for (; output + groupOutputs <= product.outputCount; output += groupOutputs)
      multiplyWord<groupOutputs>(product, output, offset, bytes);
    for (; output < product.outputCount; ++output)
      multiplyWord<1>(product, output, offset, bytes);
  }
}

void multiplyScalar(const Product& product) {
  multiplyScalarRange(product, 0, product.length);
}

} // namespace volley::rs
