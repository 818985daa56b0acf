// ChaCha20 for AVX2.
#include "core/chacha20_lanes128.h"
#include "core/chacha20_lanes256.h"

namespace volley::chacha20 {
namespace {

struct Avx2;

struct Rotations256 {
  static VOLLEY_CHACHA20_INLINE __m256i rotate16(__m256i a) {
    return _mm256_shuffle_epi8(
        a, _mm256_broadcastsi128_si256(_mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)));
  }
  static VOLLEY_CHACHA20_INLINE __m256i rotate12(__m256i a) {
    return _mm256_or_si256(_mm256_slli_epi32(a, 12), _mm256_srli_epi32(a, 20));
  }
  static VOLLEY_CHACHA20_INLINE __m256i rotate8(__m256i a) {
    return _mm256_shuffle_epi8(
        a, _mm256_broadcastsi128_si256(_mm_setr_epi8(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14)));
  }
  static VOLLEY_CHACHA20_INLINE __m256i rotate7(__m256i a) {
    return _mm256_or_si256(_mm256_slli_epi32(a, 7), _mm256_srli_epi32(a, 25));
  }
};

} // namespace

void avx2Blocks(const std::uint32_t* state, const std::uint8_t* in, std::uint8_t* out, std::size_t count) {
  lanes::blocks<lanes::Eight<Rotations256>, lanes::Four<lanes::Shuffles<Avx2>>>(state, in, out, count);
}

} // namespace volley::chacha20
