// ChaCha20 for AVX-512 F, BW and VL: sixteen lanes, and real rotations at every width.
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own header initialises its "undefined" vectors with themselves, and then warns of them here.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "core/chacha20_lanes128.h"
#include "core/chacha20_lanes256.h"

namespace volley::chacha20 {
namespace {

struct Rotations128 {
  static VOLLEY_CHACHA20_INLINE __m128i rotate16(__m128i a) { return _mm_rol_epi32(a, 16); }
  static VOLLEY_CHACHA20_INLINE __m128i rotate12(__m128i a) { return _mm_rol_epi32(a, 12); }
  static VOLLEY_CHACHA20_INLINE __m128i rotate8(__m128i a) { return _mm_rol_epi32(a, 8); }
  static VOLLEY_CHACHA20_INLINE __m128i rotate7(__m128i a) { return _mm_rol_epi32(a, 7); }
};

struct Rotations256 {
  static VOLLEY_CHACHA20_INLINE __m256i rotate16(__m256i a) { return _mm256_rol_epi32(a, 16); }
  static VOLLEY_CHACHA20_INLINE __m256i rotate12(__m256i a) { return _mm256_rol_epi32(a, 12); }
  static VOLLEY_CHACHA20_INLINE __m256i rotate8(__m256i a) { return _mm256_rol_epi32(a, 8); }
  static VOLLEY_CHACHA20_INLINE __m256i rotate7(__m256i a) { return _mm256_rol_epi32(a, 7); }
};

struct Sixteen {
  using Word = __m512i;
  static constexpr std::size_t lanes = 16;

  static VOLLEY_CHACHA20_INLINE Word splat(std::uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
  static VOLLEY_CHACHA20_INLINE Word count(std::uint32_t first) {
    const Word numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_add_epi32(splat(first), numbers);
  }
  static VOLLEY_CHACHA20_INLINE Word add(Word a, Word b) { return _mm512_add_epi32(a, b); }
  static VOLLEY_CHACHA20_INLINE Word bitXor(Word a, Word b) { return _mm512_xor_si512(a, b); }
  static VOLLEY_CHACHA20_INLINE Word rotate16(Word a) { return _mm512_rol_epi32(a, 16); }
  static VOLLEY_CHACHA20_INLINE Word rotate12(Word a) { return _mm512_rol_epi32(a, 12); }
  static VOLLEY_CHACHA20_INLINE Word rotate8(Word a) { return _mm512_rol_epi32(a, 8); }
  static VOLLEY_CHACHA20_INLINE Word rotate7(Word a) { return _mm512_rol_epi32(a, 7); }

  // Row `block` of the four has, in each quarter q, four words of block 4 q + block.
  static VOLLEY_CHACHA20_INLINE void transposeQuarters(const Word* w, Word* rows) {
    const Word abLow = _mm512_unpacklo_epi32(w[0], w[1]), abHigh = _mm512_unpackhi_epi32(w[0], w[1]);
    const Word cdLow = _mm512_unpacklo_epi32(w[2], w[3]), cdHigh = _mm512_unpackhi_epi32(w[2], w[3]);
    rows[0] = _mm512_unpacklo_epi64(abLow, cdLow);
    rows[1] = _mm512_unpackhi_epi64(abLow, cdLow);
    rows[2] = _mm512_unpacklo_epi64(abHigh, cdHigh);
    rows[3] = _mm512_unpackhi_epi64(abHigh, cdHigh);
  }
  static VOLLEY_CHACHA20_INLINE void xorBlock(std::size_t block, Word stream, const std::uint8_t* in,
                                              std::uint8_t* out) {
    const Word text = _mm512_loadu_si512(in + block * blockBytes);
    _mm512_storeu_si512(out + block * blockBytes, _mm512_xor_si512(text, stream));
  }
  static VOLLEY_CHACHA20_INLINE void xorBlocks(const Word* s, const std::uint8_t* in, std::uint8_t* out) {
    Word rows[16];
    for (std::size_t quarter = 0; quarter < 16; quarter += 4) transposeQuarters(s + quarter, rows + quarter);
    for (std::size_t block = 0; block < 4; ++block) {
      const Word abLow = _mm512_shuffle_i32x4(rows[block], rows[4 + block], 0x44);
      const Word abHigh = _mm512_shuffle_i32x4(rows[block], rows[4 + block], 0xee);
      const Word cdLow = _mm512_shuffle_i32x4(rows[8 + block], rows[12 + block], 0x44);
      const Word cdHigh = _mm512_shuffle_i32x4(rows[8 + block], rows[12 + block], 0xee);
      xorBlock(block, _mm512_shuffle_i32x4(abLow, cdLow, 0x88), in, out);
      xorBlock(block + 4, _mm512_shuffle_i32x4(abLow, cdLow, 0xdd), in, out);
      xorBlock(block + 8, _mm512_shuffle_i32x4(abHigh, cdHigh, 0x88), in, out);
      xorBlock(block + 12, _mm512_shuffle_i32x4(abHigh, cdHigh, 0xdd), in, out);
    }
  }
};

} // namespace

void avx512Blocks(const std::uint32_t* state, const std::uint8_t* in, std::uint8_t* out, std::size_t count) {
  lanes::blocks<Sixteen, lanes::Eight<Rotations256>, lanes::Four<Rotations128>>(state, in, out, count);
}

} // namespace volley::chacha20
