#include <smmintrin.h>

#include "core/reed_solomon_nibble.h"

namespace volley::rs {
namespace {

struct Vector128 {
  using Register = __m128i;
  static constexpr std::size_t bytes = 16;
  static Register zero() { return _mm_setzero_si128(); }
  static Register load(const std::uint8_t* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  static void fetch(const std::uint8_t* from) {
    _mm_prefetch(reinterpret_cast<const char*>(from), _MM_HINT_T1);
  }
  static void store(std::uint8_t* to, Register value) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
  }
  static Register table(const std::uint8_t* from) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(from));
  }
  static Register lowNibbles(Register value) { return _mm_and_si128(value, _mm_set1_epi8(15)); }
  static Register highNibbles(Register value) {
    return _mm_and_si128(_mm_srli_epi64(value, 4), _mm_set1_epi8(15));
  }
  static Register shuffle(Register table, Register indices) { return _mm_shuffle_epi8(table, indices); }
  static Register exclusiveOr(Register left, Register right) { return _mm_xor_si128(left, right); }
};

} // namespace

void multiplySsse3(const Product& product) {
  multiplyNibbles<Vector128>(product);
}

} // namespace volley::rs
