// ChaCha20 in 128-bit vectors: four blocks in four lanes. R has the rotations, as in chacha20_lanes.h.
#pragma once
#include "core/chacha20_lanes.h"

#include <immintrin.h>

namespace volley::chacha20::lanes {

// R for processors without rotations of their own: by whole bytes with SSSE3, else by shifts. `Set` is a type of the
// including file's anonymous namespace, so that it is that file's own.
template <class Set> struct Shuffles {
  static VOLLEY_CHACHA20_INLINE __m128i rotate16(__m128i a) {
    return _mm_shuffle_epi8(a, _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
  }
  static VOLLEY_CHACHA20_INLINE __m128i rotate12(__m128i a) {
    return _mm_or_si128(_mm_slli_epi32(a, 12), _mm_srli_epi32(a, 20));
  }
  static VOLLEY_CHACHA20_INLINE __m128i rotate8(__m128i a) {
    return _mm_shuffle_epi8(a, _mm_setr_epi8(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14));
  }
  static VOLLEY_CHACHA20_INLINE __m128i rotate7(__m128i a) {
    return _mm_or_si128(_mm_slli_epi32(a, 7), _mm_srli_epi32(a, 25));
  }
};

template <class R> struct Four : R {
  using Word = __m128i;
  static constexpr std::size_t lanes = 4;

  static VOLLEY_CHACHA20_INLINE Word splat(std::uint32_t word) { return _mm_set1_epi32(static_cast<int>(word)); }
  static VOLLEY_CHACHA20_INLINE Word count(std::uint32_t first) {
    return _mm_add_epi32(splat(first), _mm_setr_epi32(0, 1, 2, 3));
  }
  static VOLLEY_CHACHA20_INLINE Word add(Word a, Word b) { return _mm_add_epi32(a, b); }
  static VOLLEY_CHACHA20_INLINE Word bitXor(Word a, Word b) { return _mm_xor_si128(a, b); }

  static VOLLEY_CHACHA20_INLINE void xorBlocks(const Word* s, const std::uint8_t* in, std::uint8_t* out) {
    for (int quarter = 0; quarter < 4; ++quarter) {
      const Word* w = s + 4 * quarter;
      const Word abLow = _mm_unpacklo_epi32(w[0], w[1]), abHigh = _mm_unpackhi_epi32(w[0], w[1]);
      const Word cdLow = _mm_unpacklo_epi32(w[2], w[3]), cdHigh = _mm_unpackhi_epi32(w[2], w[3]);
      const Word rows[4] = {_mm_unpacklo_epi64(abLow, cdLow), _mm_unpackhi_epi64(abLow, cdLow),
                            _mm_unpacklo_epi64(abHigh, cdHigh), _mm_unpackhi_epi64(abHigh, cdHigh)};
      for (int block = 0; block < 4; ++block) {
        const std::size_t at = static_cast<std::size_t>(block) * blockBytes + static_cast<std::size_t>(quarter) * 16;
        const Word text = _mm_loadu_si128(reinterpret_cast<const Word*>(in + at));
        _mm_storeu_si128(reinterpret_cast<Word*>(out + at), _mm_xor_si128(text, rows[block]));
      }
    }
  }
};

} // namespace volley::chacha20::lanes
