// The one operation under encoding and decoding, made once for each instruction set: outputs = matrix *
// inputs. The kernels' files are compiled for their instruction set, so they use nothing but plain types and
// functions of their own: an inline function of the standard library compiled there could end up in other
// code as well.
#pragma once
#include <cstddef>
#include <cstdint>

namespace volley::rs {

// outputs[j][b] = sum over i of coefficients[i * outputCount + j] * inputs[i][b], for b < length. Outputs are
// overwritten and overlap neither each other nor an input. No alignment is asked of any pointer. The kernels
// walk the length in columns of one or a few vectors, and for each column run over all inputs once for each
// group of outputs, whose sums stay in registers: the inputs of a column (at most 64 KiB) are then in the
// nearest caches.
struct Product {
  const std::uint8_t* const* inputs;
  std::size_t inputCount;
  std::uint8_t* const* outputs;
  std::size_t outputCount;
  const std::uint8_t* coefficients;
  std::size_t length;
};

void multiplyScalar(const Product& product);
void multiplySsse3(const Product& product);
void multiplyAvx2(const Product& product);
void multiplyGfni512(const Product& product);

// Bytes [begin, end) of every output with plain arithmetic: the ends that are shorter than a vector.
void multiplyScalarRange(const Product& product, std::size_t begin, std::size_t end);

} // namespace volley::rs
