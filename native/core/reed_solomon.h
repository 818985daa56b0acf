// Systematic Reed-Solomon over GF(2^8) (polynomial 0x11d) with a Cauchy matrix: `sources` (1 to 255) source
// symbols and parity symbols numbered from `sources` to 255, all of one length. Any `sources` of them give
// back the rest. Parity symbol p of a block depends only on p and the source symbols, so that fresh parity
// can be made when it is asked for. Instruction set chosen at run time; every one gives the same bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace volley::rs {

constexpr std::size_t maxSymbols = 256;

enum class InstructionSet { scalar, ssse3, avx2, gfni512 };
InstructionSet best();
InstructionSet active();
void force(InstructionSet set); // throws std::invalid_argument where unsupported
bool supported(InstructionSet set);

// Makes parity symbols `first`, first + 1, … first + outputs.size() - 1 (numbers as above). `sources[i]` is
// source symbol i, `length` bytes; outputs do not overlap sources. A source pointer may be null: an all-zero
// symbol.
void encode(std::span<const std::uint8_t* const> sources, std::size_t length, std::size_t first,
            std::span<std::uint8_t* const> outputs);

// Rebuilds missing source symbols in place. `block` holds sources.count slots of `length` bytes, slot i at
// block + i * stride, source symbol i where present[i]. `parity` are the received parity symbols: their
// numbers and bytes, at least as many as there are absent sources (more are ignored, as are repeated numbers
// and numbers that are no parity symbol's). Returns false, with nothing written, when there are too few.
// Scratch memory is bounded: at most 64 KiB of stack and never proportional to `length`.
struct ParitySymbol {
  std::size_t number;
  const std::uint8_t* bytes;
};
bool decode(std::uint8_t* block, std::size_t sources, std::size_t length, std::size_t stride,
            std::span<const bool> present, std::span<const ParitySymbol> parity);

} // namespace volley::rs
