#include "core/reed_solomon.h"

#include <atomic>
#include <cassert>
#include <stdexcept>

#include "core/processor.h"
#include "core/reed_solomon_field.h"
#include "core/reed_solomon_kernel.h"

namespace volley::rs {
namespace {

// Sources and the parity symbols that may stand beside them are at most maxSymbols, so their product is at
// most this: the largest matrix either way.
constexpr std::size_t maxCoefficients = (maxSymbols / 2) * (maxSymbols / 2);

std::atomic<InstructionSet>& activeSet() {
  static std::atomic<InstructionSet> set{best()};
  return set;
}

void multiply(const Product& product) {
  switch (active()) {
  case InstructionSet::scalar:
    return multiplyScalar(product);
  case InstructionSet::ssse3:
    return multiplySsse3(product);
  case InstructionSet::avx2:
    return multiplyAvx2(product);
  case InstructionSet::gfni512:
    return multiplyGfni512(product);
  }
}

// The symbols of one decoding: which are wanted, and from which as many as there are sources they are made.
struct Selection {
  std::uint8_t absent[maxSymbols];
  std::size_t absentCount = 0;
  const ParitySymbol* parity[maxSymbols];
  std::size_t parityCount = 0;
};

bool select(std::size_t sources, std::span<const bool> present, std::span<const ParitySymbol> parity,
            Selection& selection) {
  for (std::size_t source = 0; source < sources; ++source)
    if (!present[source]) selection.absent[selection.absentCount++] = static_cast<std::uint8_t>(source);
  bool seen[maxSymbols] = {};
  for (const ParitySymbol& symbol : parity) {
    if (selection.parityCount == selection.absentCount) break;
    if (symbol.number < sources || symbol.number >= maxSymbols || seen[symbol.number]) continue;
    seen[symbol.number] = true;
    selection.parity[selection.parityCount++] = &symbol;
  }
  return selection.parityCount == selection.absentCount;
}

// The logarithm of: product over `above` of (at - a), divided by product over `below` of (at - b). A factor
// for `at` itself is left out, which field.logarithm[0] == 0 does without a branch.
unsigned logarithmOfRatio(std::size_t at, const std::uint8_t* above, const std::uint8_t* below,
                          std::size_t count) {
  unsigned sum = 0;
  for (std::size_t index = 0; index < count; ++index)
    sum += groupOrder + field.logarithm[at ^ above[index]] - field.logarithm[at ^ below[index]];
  return sum % groupOrder;
}

} // namespace

InstructionSet best() {
  for (const InstructionSet set : {InstructionSet::gfni512, InstructionSet::avx2, InstructionSet::ssse3})
    if (supported(set)) return set;
  return InstructionSet::scalar;
}

bool supported(InstructionSet set) {
  const ProcessorFeatures& features = processorFeatures();
  switch (set) {
  case InstructionSet::scalar:
    return true;
  case InstructionSet::ssse3:
    return features.sse41;
  case InstructionSet::avx2:
    return features.avx2;
  case InstructionSet::gfni512:
    return (features.avx512 && features.gfni);
  }
  return false;
}

InstructionSet active() {
  return activeSet().load(std::memory_order_relaxed);
}

void force(InstructionSet set) {
  if (!supported(set)) throw std::invalid_argument("this processor lacks the instruction set asked for");
  activeSet().store(set, std::memory_order_relaxed);
}

void encode(std::span<const std::uint8_t* const> sources, std::size_t length, std::size_t first,
            std::span<std::uint8_t* const> outputs) {
  assert(!sources.empty() && sources.size() < maxSymbols);
  assert(first >= sources.size() && outputs.size() <= maxSymbols - first);
  const std::uint8_t* inputs[maxSymbols];
  std::uint8_t coefficients[maxCoefficients];
  std::size_t inputCount = 0;
  std::uint8_t* coefficient = coefficients;
  for (std::size_t source = 0; source < sources.size(); ++source) {
    if (sources[source] == nullptr) continue;
    inputs[inputCount++] = sources[source];
    for (std::size_t output = 0; output < outputs.size(); ++output)
      *coefficient++ = field.inverse[(first + output) ^ source];
  }
  multiply({inputs, inputCount, outputs.data(), outputs.size(), coefficients, length});
}

// The code is interpolation in disguise. Let S(x) be the product of (x - i) over all sources i. There is one
// polynomial g of degree below `sources` whose value at source i is s[i] * S'(i), and parity p is g(p) /
// S(p): that is the Cauchy sum of s[i] / (p - i). So an absent source m follows by Lagrange's formula from
// any `sources` symbols at hand. With M the absent sources and P the parity taken, S(x) cancels and what
// remains is
//   s[m] = d(m) * sum over symbols t at hand of a(t) * value[t] / (m - t),
//   a(t) = product over M of (t - m') / product over P of (t - p),  d(m) = the inverse ratio at m,
// each leaving out the factor that is zero. One product of a matrix with the symbols at hand rebuilds
// everything: no system is solved, and no scratch symbol is needed.
bool decode(std::uint8_t* block, std::size_t sources, std::size_t length, std::size_t stride,
            std::span<const bool> present, std::span<const ParitySymbol> parity) {
  assert(sources >= 1 && sources < maxSymbols && present.size() == sources && stride >= length);
  Selection selection;
  if (!select(sources, present, parity, selection)) return false;
  const std::size_t count = selection.absentCount;
  if (count == 0) return true;

  std::uint8_t numbers[maxSymbols]; // of the parity taken
  for (std::size_t index = 0; index < count; ++index)
    numbers[index] = static_cast<std::uint8_t>(selection.parity[index]->number);
  std::uint8_t* outputs[maxSymbols];
  unsigned outputLogarithms[maxSymbols];
  for (std::size_t index = 0; index < count; ++index) {
    outputs[index] = block + selection.absent[index] * stride;
    outputLogarithms[index] = logarithmOfRatio(selection.absent[index], numbers, selection.absent, count);
  }

  const std::uint8_t* inputs[maxSymbols];
  std::uint8_t coefficients[maxCoefficients];
  std::size_t inputCount = 0;
  std::uint8_t* coefficient = coefficients;
  const auto addInput = [&](std::size_t number, const std::uint8_t* bytes) {
    inputs[inputCount++] = bytes;
    const unsigned weight = logarithmOfRatio(number, selection.absent, numbers, count);
    for (std::size_t index = 0; index < count; ++index)
      *coefficient++ = field.power[weight + outputLogarithms[index] + groupOrder -
                                   field.logarithm[number ^ selection.absent[index]]];
  };
  for (std::size_t source = 0; source < sources; ++source)
    if (present[source]) addInput(source, block + source * stride);
  for (std::size_t index = 0; index < count; ++index)
    addInput(numbers[index], selection.parity[index]->bytes);
  multiply({inputs, inputCount, outputs, count, coefficients, length});
  return true;
}

} // namespace volley::rs
