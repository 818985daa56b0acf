// The kernel for instruction sets with a byte shuffle: a byte times a constant is one lookup for its low half
// and one for its high half. Included by the file of each such set, which brings its own Vector in an unnamed
// namespace, so that what is made here is private to that file. Vector has:
//   Register; bytes; load(p), store(p, r), table(p) (16 bytes, repeated), lowNibbles(r), highNibbles(r),
//   shuffle(table, indices), exclusiveOr(a, b), zero(), fetch(p) (into the second-level cache).
#pragma once
#include "core/reed_solomon_field.h"
#include "core/reed_solomon_kernel.h"

namespace volley::rs {

// Four outputs by two vectors are eight sums: with two split inputs, a table and the mask they fill 16
// registers.
constexpr std::size_t nibbleGroupOutputs = 4;
constexpr std::size_t nibbleColumnVectors = 2;
// How far ahead of the column at hand memory is asked for.
constexpr std::size_t nibbleFetchBytes = 128;

template <class Vector, std::size_t Outputs, std::size_t Vectors>
void multiplyNibbleGroup(const Product& product, std::size_t firstOutput, std::size_t offset) {
  const bool fetchNext = firstOutput == 0 && offset + nibbleFetchBytes < product.length;
  using Register = typename Vector::Register;
  Register sums[Outputs][Vectors];
  for (std::size_t output = 0; output < Outputs; ++output)
    for (std::size_t vector = 0; vector < Vectors; ++vector)
      sums[output][vector] = Vector::zero();
  const std::uint8_t* row = product.coefficients + firstOutput;
  for (std::size_t input = 0; input < product.inputCount; ++input, row += product.outputCount) {
    const std::uint8_t* bytes = product.inputs[input] + offset;
    Register low[Vectors];
    Register high[Vectors];
    if (fetchNext) Vector::fetch(bytes + nibbleFetchBytes);
    for (std::size_t vector = 0; vector < Vectors; ++vector) {
      const Register both = Vector::load(bytes + vector * Vector::bytes);
      low[vector] = Vector::lowNibbles(both);
      high[vector] = Vector::highNibbles(both);
    }
    for (std::size_t output = 0; output < Outputs; ++output) {
      const std::uint8_t* tables = field.nibbles[row[output]];
      const Register lowTable = Vector::table(tables);
      for (std::size_t vector = 0; vector < Vectors; ++vector)
        sums[output][vector] =
            Vector::exclusiveOr(sums[output][vector], Vector::shuffle(lowTable, low[vector]));
      const Register highTable = Vector::table(tables + 16);
      for (std::size_t vector = 0; vector < Vectors; ++vector)
        sums[output][vector] =
            Vector::exclusiveOr(sums[output][vector], Vector::shuffle(highTable, high[vector]));
    }
  }
  for (std::size_t output = 0; output < Outputs; ++output)
    for (std::size_t vector = 0; vector < Vectors; ++vector)
      Vector::store(product.outputs[firstOutput + output] + offset + vector * Vector::bytes,
                    sums[output][vector]);
}

// All outputs of one column, in groups as equal as can be: ten are 4 + 3 + 3, since a group of one or two
// would spend its time on splitting the inputs.
template <class Vector, std::size_t Vectors>
void multiplyNibbleColumn(const Product& product, std::size_t offset) {
  std::size_t groups = (product.outputCount + nibbleGroupOutputs - 1) / nibbleGroupOutputs;
  for (std::size_t output = 0; groups > 0; --groups) {
    const std::size_t size = (product.outputCount - output + groups - 1) / groups;
    switch (size) {
    case 1:
      multiplyNibbleGroup<Vector, 1, Vectors>(product, output, offset);
      break;
    case 2:
      multiplyNibbleGroup<Vector, 2, Vectors>(product, output, offset);
      break;
    case 3:
      multiplyNibbleGroup<Vector, 3, Vectors>(product, output, offset);
      break;
    default:
      multiplyNibbleGroup<Vector, 4, Vectors>(product, output, offset);
      break;
    }
    output += size;
  }
}

template <class Vector> void multiplyNibbles(const Product& product) {
  constexpr std::size_t column = nibbleColumnVectors * Vector::bytes;
  std::size_t offset = 0;
  for (; product.length - offset >= column; offset += column)
    multiplyNibbleColumn<Vector, nibbleColumnVectors>(product, offset);
  for (; product.length - offset >= Vector::bytes; offset += Vector::bytes)
    multiplyNibbleColumn<Vector, 1>(product, offset);
  if (offset == product.length) return;
  // The rest is made as the last whole vector, whose first bytes are made a second time, and the same.
  if (product.length >= Vector::bytes)
    multiplyNibbleColumn<Vector, 1>(product, product.length - Vector::bytes);
  else
    multiplyScalarRange(product, offset, product.length);
}

} // namespace volley::rs
