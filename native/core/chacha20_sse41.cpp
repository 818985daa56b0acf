// ChaCha20 for SSE4.1 and SSSE3.
#include "core/chacha20_lanes128.h"

namespace volley::chacha20 {
namespace {

struct Rotations {
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

} // namespace

void sse41Blocks(const std::uint32_t* state, const std::uint8_t* in, std::uint8_t* out, std::size_t count) {
  lanes::blocks<lanes::Four<Rotations>>(state, in, out, count);
}

} // namespace volley::chacha20
