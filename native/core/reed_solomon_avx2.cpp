#include <immintrin.h>

#include "core/reed_solomon_nibble.h"

namespace volley::rs {
namespace {

struct Vector256 {
  using Register = __m256i;
  static constexpr std::size_t bytes = 32;
  static Register zero() { return _mm256_setzero_si256(); }
  static Register load(const std::uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static void fetch(const std::uint8_t* from) {
    _mm_prefetch(reinterpret_cast<const char*>(from), _MM_HINT_T1);
  }
  static void store(std::uint8_t* to, Register value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
  }
  static Register table(const std::uint8_t* from) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(from)));
  }
  static Register lowNibbles(Register value) { return _mm256_and_si256(value, _mm256_set1_epi8(15)); }
  static Register highNibbles(Register value) {
    return _mm256_and_si256(_mm256_srli_epi64(value, 4), _mm256_set1_epi8(15));
  }
  static Register shuffle(Register table, Register indices) { return _mm256_shuffle_epi8(table, indices); }
  static Register exclusiveOr(Register left, Register right) { return _mm256_xor_si256(left, right); }
};

} // namespace

void multiplyAvx2(const Product& product) {
  multiplyNibbles<Vector256>(product);
}

} // namespace volley::rs
