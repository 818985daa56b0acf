// BLAKE3 in 256-bit vectors: eight inputs in eight lanes. A template over `R` for the reason blake3_lanes.h
// gives; R has the static functions rotate16, rotate12, rotate8 and rotate7 of a __m256i.
#pragma once
#include "core/blake3_lanes.h"

#include <immintrin.h>

namespace volley::blake3::lanes {

template <class R> struct Eight : R {
  using Word = __m256i;
  static constexpr std::size_t lanes = 8;

  static VOLLEY_BLAKE3_INLINE Word load(const std::uint32_t* words) {
    return _mm256_loadu_si256(reinterpret_cast<const Word*>(words));
  }
  static VOLLEY_BLAKE3_INLINE Word splat(std::uint32_t word) {
    return _mm256_set1_epi32(static_cast<int>(word));
  }
  static VOLLEY_BLAKE3_INLINE void prefetch(std::uintptr_t address) {
    _mm_prefetch(reinterpret_cast<const char*>(address), _MM_HINT_T1);
  }
  static VOLLEY_BLAKE3_INLINE void keep(Word& a) { VOLLEY_BLAKE3_KEEP(a, "x"); }
  static VOLLEY_BLAKE3_INLINE Word add(Word a, Word b) { return _mm256_add_epi32(a, b); }
  static VOLLEY_BLAKE3_INLINE Word bitXor(Word a, Word b) { return _mm256_xor_si256(a, b); }

  // Transposes the 4x4 words in each 128-bit half.
  static VOLLEY_BLAKE3_INLINE void transposeHalves(Word& a, Word& b, Word& c, Word& d) {
    const Word abLow = _mm256_unpacklo_epi32(a, b), abHigh = _mm256_unpackhi_epi32(a, b);
    const Word cdLow = _mm256_unpacklo_epi32(c, d), cdHigh = _mm256_unpackhi_epi32(c, d);
    a = _mm256_unpacklo_epi64(abLow, cdLow);
    b = _mm256_unpackhi_epi64(abLow, cdLow);
    c = _mm256_unpacklo_epi64(abHigh, cdHigh);
    d = _mm256_unpackhi_epi64(abHigh, cdHigh);
  }
  // 16 bytes of lane `lane` beside 16 bytes of lane `lane + 4`: inserting from memory is cheaper than
  // shuffling.
  static VOLLEY_BLAKE3_INLINE Word loadTwo(const std::uint8_t* const* inputs, int lane, std::size_t offset) {
    const __m128i* low = reinterpret_cast<const __m128i*>(inputs[lane] + offset);
    const __m128i* high = reinterpret_cast<const __m128i*>(inputs[lane + 4] + offset);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(low)), _mm_loadu_si128(high), 1);
  }
  static VOLLEY_BLAKE3_INLINE void loadBlock(Word* message, const std::uint8_t* const* inputs,
                                             std::size_t offset) {
    for (int quarter = 0; quarter < 4; ++quarter, message += 4, offset += 16) {
      for (int lane = 0; lane < 4; ++lane)
        message[lane] = loadTwo(inputs, lane, offset);
      transposeHalves(message[0], message[1], message[2], message[3]);
    }
  }
  static VOLLEY_BLAKE3_INLINE void loadTail(Word* message, const std::uint8_t* const* inputs,
                                            std::size_t offset, std::size_t length) {
    loadTailByCopy<Eight>(message, inputs, offset, length);
  }
  static VOLLEY_BLAKE3_INLINE void storeValues(std::uint8_t* values, const Word* words) {
    Word rows[8];
    for (int i = 0; i < 8; ++i)
      rows[i] = words[i];
    transposeHalves(rows[0], rows[1], rows[2], rows[3]);
    transposeHalves(rows[4], rows[5], rows[6], rows[7]);
    for (int lane = 0; lane < 4; ++lane) {
      Word* low = reinterpret_cast<Word*>(values + lane * valueBytes);
      Word* high = reinterpret_cast<Word*>(values + (lane + 4) * valueBytes);
      _mm256_storeu_si256(low, _mm256_permute2x128_si256(rows[lane], rows[lane + 4], 0x20));
      _mm256_storeu_si256(high, _mm256_permute2x128_si256(rows[lane], rows[lane + 4], 0x31));
    }
  }
};

} // namespace volley::blake3::lanes
