// BLAKE3 in 128-bit vectors: four inputs in four lanes, and one block of one input with the state's four rows
// in four vectors. Templates over `R` for the reason blake3_lanes.h gives; R has the static functions
// rotate16, rotate12, rotate8 and rotate7 of a __m128i.
#pragma once
#include "core/blake3_lanes.h"

#include <immintrin.h>

namespace volley::blake3::lanes {

// R for processors without rotations of their own: by whole bytes with SSSE3, else by shifts. `Set` is a type of the
// including file's anonymous namespace, so that it is that file's own.
template <class Set> struct Shuffles {
  static VOLLEY_BLAKE3_INLINE __m128i rotate16(__m128i a) {
    return _mm_shuffle_epi8(a, _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
  }
  static VOLLEY_BLAKE3_INLINE __m128i rotate12(__m128i a) {
    return _mm_or_si128(_mm_srli_epi32(a, 12), _mm_slli_epi32(a, 20));
  }
  static VOLLEY_BLAKE3_INLINE __m128i rotate8(__m128i a) {
    return _mm_shuffle_epi8(a, _mm_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12));
  }
  static VOLLEY_BLAKE3_INLINE __m128i rotate7(__m128i a) {
    return _mm_or_si128(_mm_srli_epi32(a, 7), _mm_slli_epi32(a, 25));
  }
};

template <class R> struct Four : R {
  using Word = __m128i;
  static constexpr std::size_t lanes = 4;

  static VOLLEY_BLAKE3_INLINE Word load(const std::uint32_t* words) {
    return _mm_loadu_si128(reinterpret_cast<const Word*>(words));
  }
  static VOLLEY_BLAKE3_INLINE Word splat(std::uint32_t word) {
    return _mm_set1_epi32(static_cast<int>(word));
  }
  static VOLLEY_BLAKE3_INLINE void prefetch(std::uintptr_t address) {
    _mm_prefetch(reinterpret_cast<const char*>(address), _MM_HINT_T1);
  }
  static VOLLEY_BLAKE3_INLINE void keep(Word& a) { VOLLEY_BLAKE3_KEEP(a, "x"); }
  static VOLLEY_BLAKE3_INLINE Word add(Word a, Word b) { return _mm_add_epi32(a, b); }
  static VOLLEY_BLAKE3_INLINE Word bitXor(Word a, Word b) { return _mm_xor_si128(a, b); }

  static VOLLEY_BLAKE3_INLINE void transpose(Word& a, Word& b, Word& c, Word& d) {
    const Word abLow = _mm_unpacklo_epi32(a, b), abHigh = _mm_unpackhi_epi32(a, b);
    const Word cdLow = _mm_unpacklo_epi32(c, d), cdHigh = _mm_unpackhi_epi32(c, d);
    a = _mm_unpacklo_epi64(abLow, cdLow);
    b = _mm_unpackhi_epi64(abLow, cdLow);
    c = _mm_unpacklo_epi64(abHigh, cdHigh);
    d = _mm_unpackhi_epi64(abHigh, cdHigh);
  }
  static VOLLEY_BLAKE3_INLINE void loadBlock(Word* message, const std::uint8_t* const* inputs,
                                             std::size_t offset) {
    for (int quarter = 0; quarter < 4; ++quarter, message += 4, offset += 16) {
      for (int lane = 0; lane < 4; ++lane)
        message[lane] = _mm_loadu_si128(reinterpret_cast<const Word*>(inputs[lane] + offset));
      transpose(message[0], message[1], message[2], message[3]);
    }
  }
  static VOLLEY_BLAKE3_INLINE void loadTail(Word* message, const std::uint8_t* const* inputs,
                                            std::size_t offset, std::size_t length) {
    loadTailByCopy<Four>(message, inputs, offset, length);
  }
  static VOLLEY_BLAKE3_INLINE void storeValues(std::uint8_t* values, const Word* words) {
    for (int half = 0; half < 2; ++half, words += 4, values += 16) {
      Word rows[4] = {words[0], words[1], words[2], words[3]};
      transpose(rows[0], rows[1], rows[2], rows[3]);
      for (int lane = 0; lane < 4; ++lane)
        _mm_storeu_si128(reinterpret_cast<Word*>(values + lane * valueBytes), rows[lane]);
    }
  }
};

// The message words of a round in the order its four column steps and four diagonal steps take them. Lane i
// of the diagonal vectors belongs to diagonal i - 1, so that row b, which is ready last, stays where it is
// and the three others turn.
struct LoneMessage {
  __m128i column0, column1, diagonal0, diagonal1;
};

#define VOLLEY_BLAKE3_PICK(a, b, i, j, k, l)                                                                 \
  _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), _MM_SHUFFLE(l, k, j, i)))

template <class R> VOLLEY_BLAKE3_INLINE LoneMessage loneLoad(const std::uint8_t* block) {
  const __m128i* vectors = reinterpret_cast<const __m128i*>(block);
  const __m128i a = _mm_loadu_si128(vectors), b = _mm_loadu_si128(vectors + 1);
  const __m128i c = _mm_loadu_si128(vectors + 2), d = _mm_loadu_si128(vectors + 3);
  const __m128i even = VOLLEY_BLAKE3_PICK(c, d, 0, 2, 0, 2), odd = VOLLEY_BLAKE3_PICK(c, d, 1, 3, 1, 3);
  return {VOLLEY_BLAKE3_PICK(a, b, 0, 2, 0, 2), VOLLEY_BLAKE3_PICK(a, b, 1, 3, 1, 3),
          _mm_shuffle_epi32(even, _MM_SHUFFLE(2, 1, 0, 3)), _mm_shuffle_epi32(odd, _MM_SHUFFLE(2, 1, 0, 3))};
}

// The words' permutation, on the vectors as they lie: in the old vectors, the new ones are words 2 3 7 4,
// 6 10 0 13, 15 1 12 9 and 8 11 5 14.
template <class R> VOLLEY_BLAKE3_INLINE LoneMessage lonePermute(const LoneMessage& m) {
  const __m128i column0 = VOLLEY_BLAKE3_PICK(m.column0, m.column1, 1, 2, 1, 3);
  const __m128i column1 = VOLLEY_BLAKE3_PICK(m.diagonal0, m.diagonal1, 2, 2, 3, 3);
  const __m128i diagonal0 = VOLLEY_BLAKE3_PICK(m.column1, m.diagonal0, 0, 0, 3, 3);
  const __m128i diagonal1 = VOLLEY_BLAKE3_PICK(m.diagonal1, m.column1, 2, 2, 2, 2);
  return {_mm_shuffle_epi32(column0, _MM_SHUFFLE(1, 3, 2, 0)),
          _mm_blend_epi16(_mm_shuffle_epi32(m.column0, _MM_SHUFFLE(0, 0, 3, 3)), column1, 0xCC),
          _mm_blend_epi16(_mm_shuffle_epi32(m.diagonal1, _MM_SHUFFLE(1, 1, 0, 0)), diagonal0, 0x3C),
          _mm_blend_epi16(_mm_shuffle_epi32(m.diagonal0, _MM_SHUFFLE(0, 0, 1, 1)), diagonal1, 0x3C)};
}

#undef VOLLEY_BLAKE3_PICK

template <class R>
VOLLEY_BLAKE3_INLINE void loneMix(__m128i& a, __m128i& b, __m128i& c, __m128i& d, __m128i first,
                                  __m128i second) {
  a = _mm_add_epi32(_mm_add_epi32(a, first), b);
  d = R::rotate16(_mm_xor_si128(d, a));
  c = _mm_add_epi32(c, d);
  b = R::rotate12(_mm_xor_si128(b, c));
  a = _mm_add_epi32(_mm_add_epi32(a, second), b);
  d = R::rotate8(_mm_xor_si128(d, a));
  c = _mm_add_epi32(c, d);
  b = R::rotate7(_mm_xor_si128(b, c));
}

template <class R> struct Lone {
  static void compress(std::uint32_t* value, const std::uint8_t* block, std::uint32_t length,
                       std::uint64_t counter, std::uint32_t flags) {
    __m128i* rows = reinterpret_cast<__m128i*>(value);
    __m128i a = _mm_loadu_si128(rows), b = _mm_loadu_si128(rows + 1);
    __m128i c = _mm_loadu_si128(reinterpret_cast<const __m128i*>(initialWords));
    __m128i d = _mm_setr_epi32(static_cast<int>(counter), static_cast<int>(counter >> 32),
                               static_cast<int>(length), static_cast<int>(flags));
    LoneMessage message = loneLoad<R>(block);
    for (int round = 0;; ++round) {
      loneMix<R>(a, b, c, d, message.column0, message.column1);
      a = _mm_shuffle_epi32(a, _MM_SHUFFLE(2, 1, 0, 3));
      c = _mm_shuffle_epi32(c, _MM_SHUFFLE(0, 3, 2, 1));
      d = _mm_shuffle_epi32(d, _MM_SHUFFLE(1, 0, 3, 2));
      loneMix<R>(a, b, c, d, message.diagonal0, message.diagonal1);
      a = _mm_shuffle_epi32(a, _MM_SHUFFLE(0, 3, 2, 1));
      c = _mm_shuffle_epi32(c, _MM_SHUFFLE(2, 1, 0, 3));
      d = _mm_shuffle_epi32(d, _MM_SHUFFLE(1, 0, 3, 2));
      if (round == 6) break;
      message = lonePermute<R>(message);
    }
    _mm_storeu_si128(rows, _mm_xor_si128(a, c));
    _mm_storeu_si128(rows + 1, _mm_xor_si128(b, d));
  }
};

} // namespace volley::blake3::lanes
