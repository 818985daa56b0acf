#include <immintrin.h>

#include "core/reed_solomon_field.h"
#include "core/reed_solomon_kernel.h"

namespace volley::rs {
namespace {

constexpr std::size_t vectorBytes = 64;
// Up to 20 sums in registers, the inputs of a pair beside them.
constexpr std::size_t groupOutputs = 10;
constexpr std::size_t wideGroupOutputs =
    4; // groups up to this size take four vectors at once, larger ones two

constexpr std::size_t stripBytes = 4 * vectorBytes; // all groups go over a strip before the next

constexpr int exclusiveOrOfThree = 0x96;

inline __m512i timesConstant(__m512i value, std::uint8_t constant) {
  return _mm512_gf2p8affine_epi64_epi8(value,
                                       _mm512_set1_epi64(static_cast<long long>(field.affine[constant])), 0);
}

inline void fetch(const std::uint8_t* bytes) {
  _mm_prefetch(reinterpret_cast<const char*>(bytes), _MM_HINT_T1);
}

// One group of outputs over one column of whole vectors. Inputs are taken in pairs: one instruction then adds
// two products to a sum. `ahead` is how far on memory is asked for meanwhile, or 0.
template <std::size_t Outputs, std::size_t Vectors>
void multiplyGroup(const Product& product, std::size_t firstOutput, std::size_t offset, std::size_t ahead) {
  __m512i sums[Outputs][Vectors];
  for (std::size_t output = 0; output < Outputs; ++output)
    for (std::size_t vector = 0; vector < Vectors; ++vector)
      sums[output][vector] = _mm512_setzero_si512();
  const std::uint8_t* row = product.coefficients + firstOutput;
  std::size_t input = 0;
  for (; input + 2 <= product.inputCount; input += 2, row += 2 * product.outputCount) {
    const std::uint8_t* evenBytes = product.inputs[input] + offset;
    const std::uint8_t* oddBytes = product.inputs[input + 1] + offset;
    __m512i even[Vectors];
    __m512i odd[Vectors];
    for (std::size_t vector = 0; vector < Vectors; ++vector) {
      even[vector] = _mm512_loadu_si512(evenBytes + vector * vectorBytes);
      odd[vector] = _mm512_loadu_si512(oddBytes + vector * vectorBytes);
    }
    if (ahead != 0)
      for (std::size_t vector = 0; vector < Vectors; ++vector) {
        fetch(evenBytes + ahead + vector * vectorBytes);
        fetch(oddBytes + ahead + vector * vectorBytes);
      }
    for (std::size_t output = 0; output < Outputs; ++output)
      for (std::size_t vector = 0; vector < Vectors; ++vector)
        sums[output][vector] = _mm512_ternarylogic_epi64(
            sums[output][vector], timesConstant(even[vector], row[output]),
            timesConstant(odd[vector], row[product.outputCount + output]), exclusiveOrOfThree);
  }
  if (input < product.inputCount) {
    const std::uint8_t* bytes = product.inputs[input] + offset;
    for (std::size_t output = 0; output < Outputs; ++output)
      for (std::size_t vector = 0; vector < Vectors; ++vector)
        sums[output][vector] =
            _mm512_xor_si512(sums[output][vector],
                             timesConstant(_mm512_loadu_si512(bytes + vector * vectorBytes), row[output]));
  }
  for (std::size_t output = 0; output < Outputs; ++output)
    for (std::size_t vector = 0; vector < Vectors; ++vector)
      _mm512_storeu_si512(product.outputs[firstOutput + output] + offset + vector * vectorBytes,
                          sums[output][vector]);
}

// The last, incomplete vector of every output.
void multiplyEnd(const Product& product, std::size_t offset) {
  const __mmask64 mask = ~std::uint64_t{0} >> (vectorBytes - (product.length - offset));
  for (std::size_t output = 0; output < product.outputCount; ++output) {
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t input = 0; input < product.inputCount; ++input)
      sum = _mm512_xor_si512(sum, timesConstant(_mm512_maskz_loadu_epi8(mask, product.inputs[input] + offset),
                                                product.coefficients[input * product.outputCount + output]));
    _mm512_mask_storeu_epi8(product.outputs[output] + offset, mask, sum);
  }
}

template <std::size_t Outputs>
void multiplyColumns(const Product& product, std::size_t firstOutput, std::size_t begin, std::size_t end) {
  constexpr std::size_t vectors = Outputs <= wideGroupOutputs ? 4 : 2;
  std::size_t offset = begin;
  for (; end - offset >= vectors * vectorBytes; offset += vectors * vectorBytes) {
    const bool fetchNext = firstOutput == 0 && offset + stripBytes < product.length;
    multiplyGroup<Outputs, vectors>(product, firstOutput, offset, fetchNext ? stripBytes : 0);
  }
  for (; offset < end; offset += vectorBytes)
    multiplyGroup<Outputs, 1>(product, firstOutput, offset, 0);
}

// All outputs over [begin, end), a multiple of a vector, in groups as equal as can be.
void multiplyStrip(const Product& product, std::size_t begin, std::size_t end) {
  std::size_t groups = (product.outputCount + groupOutputs - 1) / groupOutputs;
  for (std::size_t output = 0; groups > 0; --groups) {
    const std::size_t size = (product.outputCount - output + groups - 1) / groups;
    switch (size) {
    case 1:
      multiplyColumns<1>(product, output, begin, end);
      break;
    case 2:
      multiplyColumns<2>(product, output, begin, end);
      break;
    case 3:
      multiplyColumns<3>(product, output, begin, end);
      break;
    case 4:
      multiplyColumns<4>(product, output, begin, end);
      break;
    case 5:
      multiplyColumns<5>(product, output, begin, end);
      break;
    case 6:
      multiplyColumns<6>(product, output, begin, end);
      break;
    case 7:
      multiplyColumns<7>(product, output, begin, end);
      break;
    case 8:
      multiplyColumns<8>(product, output, begin, end);
      break;
    case 9:
      multiplyColumns<9>(product, output, begin, end);
      break;
    default:
      multiplyColumns<10>(product, output, begin, end);
      break;
    }
    output += size;
  }
}

} // namespace

void multiplyGfni512(const Product& product) {
  const std::size_t whole = product.length - product.length % vectorBytes;
  for (std::size_t offset = 0; offset < whole;) {
    const std::size_t end = whole - offset < stripBytes ? whole : offset + stripBytes;
    multiplyStrip(product, offset, end);
    offset = end;
  }
  if (whole < product.length) multiplyEnd(product, whole);
}

} // namespace volley::rs
