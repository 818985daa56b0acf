// ChaCha20 in 256-bit vectors: eight blocks in eight lanes. R has the rotations, as in chacha20_lanes.h.
#pragma once
#include "core/chacha20_lanes.h"

#include <immintrin.h>

namespace volley::chacha20::lanes {

template <class R> struct Eight : R {
  using Word = __m256i;
  static constexpr std::size_t lanes = 8;

  static VOLLEY_CHACHA20_INLINE Word splat(std::uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }
  static VOLLEY_CHACHA20_INLINE Word count(std::uint32_t first) {
    return _mm256_add_epi32(splat(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static VOLLEY_CHACHA20_INLINE Word add(Word a, Word b) { return _mm256_add_epi32(a, b); }
  static VOLLEY_CHACHA20_INLINE Word bitXor(Word a, Word b) { return _mm256_xor_si256(a, b); }

  // Row `block` of the four has four words of that block in its lower half, and of block + 4 in the upper one.
  static VOLLEY_CHACHA20_INLINE void transposeHalves(const Word* w, Word* rows) {
    const Word abLow = _mm256_unpacklo_epi32(w[0], w[1]), abHigh = _mm256_unpackhi_epi32(w[0], w[1]);
    const Word cdLow = _mm256_unpacklo_epi32(w[2], w[3]), cdHigh = _mm256_unpackhi_epi32(w[2], w[3]);
    rows[0] = _mm256_unpacklo_epi64(abLow, cdLow);
    rows[1] = _mm256_unpackhi_epi64(abLow, cdLow);
    rows[2] = _mm256_unpacklo_epi64(abHigh, cdHigh);
    rows[3] = _mm256_unpackhi_epi64(abHigh, cdHigh);
  }
  static VOLLEY_CHACHA20_INLINE void xorAt(std::size_t at, Word stream, const std::uint8_t* in, std::uint8_t* out) {
    const Word text = _mm256_loadu_si256(reinterpret_cast<const Word*>(in + at));
    _mm256_storeu_si256(reinterpret_cast<Word*>(out + at), _mm256_xor_si256(text, stream));
  }
  static VOLLEY_CHACHA20_INLINE void xorBlocks(const Word* s, const std::uint8_t* in, std::uint8_t* out) {
    for (std::size_t half = 0; half < 2; ++half) {
      Word first[4], second[4];
      transposeHalves(s + 8 * half, first);
      transposeHalves(s + 8 * half + 4, second);
      for (std::size_t block = 0; block < 4; ++block) {
        const std::size_t at = block * blockBytes + half * 32;
        xorAt(at, _mm256_permute2x128_si256(first[block], second[block], 0x20), in, out);
        xorAt(at + 4 * blockBytes, _mm256_permute2x128_si256(first[block], second[block], 0x31), in, out);
      }
    }
  }
};

} // namespace volley::chacha20::lanes
