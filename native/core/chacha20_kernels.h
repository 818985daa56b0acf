// What an instruction set gives to ChaCha20: filled in by the file named for it, reached through run-time dispatch alone.
#pragma once
#include <cstddef>
#include <cstdint>

namespace volley::chacha20 {

inline constexpr std::size_t blockBytes = 64;

// XORs `count` whole blocks of the stream onto `in`, into `out`; `state` is the sixteen words of RFC 8439 2.3 with the
// counter of the first block.
using Blocks = void(const std::uint32_t* state, const std::uint8_t* in, std::uint8_t* out, std::size_t count);

Blocks scalarBlocks;
Blocks sse41Blocks;
Blocks avx2Blocks;
Blocks avx512Blocks;

} // namespace volley::chacha20
