// BLAKE3 for AVX-512 F, BW and VL: thirty-two or sixteen lanes, and real rotations at every width.
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own header initialises its "undefined" vectors with themselves, and then warns of them here.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "core/blake3_lanes128.h"
#include "core/blake3_lanes256.h"

namespace volley::blake3 {
namespace {

struct Rotations128 {
  static VOLLEY_BLAKE3_INLINE __m128i rotate16(__m128i a) { return _mm_ror_epi32(a, 16); }
  static VOLLEY_BLAKE3_INLINE __m128i rotate12(__m128i a) { return _mm_ror_epi32(a, 12); }
  static VOLLEY_BLAKE3_INLINE __m128i rotate8(__m128i a) { return _mm_ror_epi32(a, 8); }
  static VOLLEY_BLAKE3_INLINE __m128i rotate7(__m128i a) { return _mm_ror_epi32(a, 7); }
};

struct Rotations256 {
  static VOLLEY_BLAKE3_INLINE __m256i rotate16(__m256i a) { return _mm256_ror_epi32(a, 16); }
  static VOLLEY_BLAKE3_INLINE __m256i rotate12(__m256i a) { return _mm256_ror_epi32(a, 12); }
  static VOLLEY_BLAKE3_INLINE __m256i rotate8(__m256i a) { return _mm256_ror_epi32(a, 8); }
  static VOLLEY_BLAKE3_INLINE __m256i rotate7(__m256i a) { return _mm256_ror_epi32(a, 7); }
};

struct Sixteen {
  using Word = __m512i;
  static constexpr std::size_t lanes = 16;

  static VOLLEY_BLAKE3_INLINE Word load(const std::uint32_t* words) { return _mm512_loadu_si512(words); }
  static VOLLEY_BLAKE3_INLINE Word splat(std::uint32_t word) {
    return _mm512_set1_epi32(static_cast<int>(word));
  }
  static VOLLEY_BLAKE3_INLINE void prefetch(std::uintptr_t address) {
    _mm_prefetch(reinterpret_cast<const char*>(address), _MM_HINT_T1);
  }
  static VOLLEY_BLAKE3_INLINE void keep(Word& a) { VOLLEY_BLAKE3_KEEP(a, "v"); }
  static VOLLEY_BLAKE3_INLINE Word add(Word a, Word b) { return _mm512_add_epi32(a, b); }
  static VOLLEY_BLAKE3_INLINE Word bitXor(Word a, Word b) { return _mm512_xor_si512(a, b); }
  static VOLLEY_BLAKE3_INLINE Word rotate16(Word a) { return _mm512_ror_epi32(a, 16); }
  static VOLLEY_BLAKE3_INLINE Word rotate12(Word a) { return _mm512_ror_epi32(a, 12); }
  static VOLLEY_BLAKE3_INLINE Word rotate8(Word a) { return _mm512_ror_epi32(a, 8); }
  static VOLLEY_BLAKE3_INLINE Word rotate7(Word a) { return _mm512_ror_epi32(a, 7); }

  // Transposes the 4x4 words in each 128-bit quarter.
  static VOLLEY_BLAKE3_INLINE void transposeQuarters(Word& a, Word& b, Word& c, Word& d) {
    const Word abLow = _mm512_unpacklo_epi32(a, b), abHigh = _mm512_unpackhi_epi32(a, b);
    const Word cdLow = _mm512_unpacklo_epi32(c, d), cdHigh = _mm512_unpackhi_epi32(c, d);
    a = _mm512_unpacklo_epi64(abLow, cdLow);
    b = _mm512_unpackhi_epi64(abLow, cdLow);
    c = _mm512_unpacklo_epi64(abHigh, cdHigh);
    d = _mm512_unpackhi_epi64(abHigh, cdHigh);
  }
  // In rows of sixteen words, swaps the quarters so that result q of four holds quarter q of all four.
  static VOLLEY_BLAKE3_INLINE void transposeWholes(Word& a, Word& b, Word& c, Word& d) {
    const Word abEven = _mm512_shuffle_i32x4(a, b, 0x88), abOdd = _mm512_shuffle_i32x4(a, b, 0xDD);
    const Word cdEven = _mm512_shuffle_i32x4(c, d, 0x88), cdOdd = _mm512_shuffle_i32x4(c, d, 0xDD);
    a = _mm512_shuffle_i32x4(abEven, cdEven, 0x88);
    b = _mm512_shuffle_i32x4(abOdd, cdOdd, 0x88);
    c = _mm512_shuffle_i32x4(abEven, cdEven, 0xDD);
    d = _mm512_shuffle_i32x4(abOdd, cdOdd, 0xDD);
  }
  // Rows lane, lane + 4, lane + 8 and lane + 12 are brought together first, so that the quarters end up in
  // order.
  static VOLLEY_BLAKE3_INLINE void transpose(Word* message, const Word* rows) {
    for (int lane = 0; lane < 4; ++lane) {
      Word a = rows[lane], b = rows[lane + 4], c = rows[lane + 8], d = rows[lane + 12];
      transposeWholes(a, b, c, d);
      message[lane] = a;
      message[lane + 4] = b;
      message[lane + 8] = c;
      message[lane + 12] = d;
    }
    for (int i = 0; i < 16; i += 4)
      transposeQuarters(message[i], message[i + 1], message[i + 2], message[i + 3]);
  }
  static VOLLEY_BLAKE3_INLINE void loadBlock(Word* message, const std::uint8_t* const* inputs,
                                             std::size_t offset) {
    Word rows[16];
    for (int lane = 0; lane < 16; ++lane)
      rows[lane] = _mm512_loadu_si512(inputs[lane] + offset);
    transpose(message, rows);
  }
  static VOLLEY_BLAKE3_INLINE void loadTail(Word* message, const std::uint8_t* const* inputs,
                                            std::size_t offset, std::size_t length) {
    const __mmask64 mask = (static_cast<__mmask64>(1) << length) - 1;
    Word rows[16];
    for (int lane = 0; lane < 16; ++lane)
      rows[lane] = _mm512_maskz_loadu_epi8(mask, inputs[lane] + offset);
    transpose(message, rows);
  }
  static VOLLEY_BLAKE3_INLINE void storeValues(std::uint8_t* values, const Word* words) {
    Word rows[8];
    for (int i = 0; i < 8; ++i)
      rows[i] = words[i];
    transposeQuarters(rows[0], rows[1], rows[2], rows[3]);
    transposeQuarters(rows[4], rows[5], rows[6], rows[7]);
    const Word low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const Word high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for (int lane = 0; lane < 4; ++lane) {
      const Word first = _mm512_permutex2var_epi64(rows[lane], low, rows[lane + 4]);
      const Word second = _mm512_permutex2var_epi64(rows[lane], high, rows[lane + 4]);
      storeHalves(values + lane * valueBytes, first);
      storeHalves(values + (lane + 8) * valueBytes, second);
    }
  }
  // The value of one lane, and that of the lane four further.
  static VOLLEY_BLAKE3_INLINE void storeHalves(std::uint8_t* values, Word pair) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(values), _mm512_castsi512_si256(pair));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(values + 4 * valueBytes),
                        _mm512_extracti64x4_epi64(pair, 1));
  }
};

// Two vectors for each word: thirty-two lanes, in all thirty-two registers. Twice as many independent steps
// keep the processor's units busier than one vector can.
struct ThirtyTwo {
  struct Word {
    __m512i low, high;
  };
  static constexpr std::size_t lanes = 32;

  static VOLLEY_BLAKE3_INLINE Word load(const std::uint32_t* words) {
    return {Sixteen::load(words), Sixteen::load(words + 16)};
  }
  static VOLLEY_BLAKE3_INLINE Word splat(std::uint32_t word) {
    return {Sixteen::splat(word), Sixteen::splat(word)};
  }
  static VOLLEY_BLAKE3_INLINE void prefetch(std::uintptr_t address) { Sixteen::prefetch(address); }
  static VOLLEY_BLAKE3_INLINE void keep(Word& a) {
    Sixteen::keep(a.low);
    Sixteen::keep(a.high);
  }
  static VOLLEY_BLAKE3_INLINE Word add(Word a, Word b) {
    return {Sixteen::add(a.low, b.low), Sixteen::add(a.high, b.high)};
  }
  static VOLLEY_BLAKE3_INLINE Word bitXor(Word a, Word b) {
    return {Sixteen::bitXor(a.low, b.low), Sixteen::bitXor(a.high, b.high)};
  }
  static VOLLEY_BLAKE3_INLINE Word rotate16(Word a) {
    return {Sixteen::rotate16(a.low), Sixteen::rotate16(a.high)};
  }
  static VOLLEY_BLAKE3_INLINE Word rotate12(Word a) {
    return {Sixteen::rotate12(a.low), Sixteen::rotate12(a.high)};
  }
  static VOLLEY_BLAKE3_INLINE Word rotate8(Word a) {
    return {Sixteen::rotate8(a.low), Sixteen::rotate8(a.high)};
  }
  static VOLLEY_BLAKE3_INLINE Word rotate7(Word a) {
    return {Sixteen::rotate7(a.low), Sixteen::rotate7(a.high)};
  }

  // The message is kept in memory, since the state takes every register.
  static VOLLEY_BLAKE3_INLINE void join(Word* message, const __m512i* low, const __m512i* high) {
    for (int i = 0; i < 16; ++i)
      message[i] = {low[i], high[i]};
    VOLLEY_BLAKE3_IN_MEMORY(message);
  }
  static VOLLEY_BLAKE3_INLINE void loadBlock(Word* message, const std::uint8_t* const* inputs,
                                             std::size_t offset) {
    __m512i low[16], high[16];
    Sixteen::loadBlock(low, inputs, offset);
    Sixteen::loadBlock(high, inputs + 16, offset);
    join(message, low, high);
  }
  static VOLLEY_BLAKE3_INLINE void loadTail(Word* message, const std::uint8_t* const* inputs,
                                            std::size_t offset, std::size_t length) {
    __m512i low[16], high[16];
    Sixteen::loadTail(low, inputs, offset, length);
    Sixteen::loadTail(high, inputs + 16, offset, length);
    join(message, low, high);
  }
  static VOLLEY_BLAKE3_INLINE void storeValues(std::uint8_t* values, const Word* words) {
    __m512i low[8], high[8];
    for (int i = 0; i < 8; ++i) {
      low[i] = words[i].low;
      high[i] = words[i].high;
    }
    Sixteen::storeValues(values, low);
    Sixteen::storeValues(values + 16 * valueBytes, high);
  }
};

using Lone = lanes::Lone<Rotations128>;
using Table = lanes::Table<Lone, ThirtyTwo, Sixteen, lanes::Eight<Rotations256>, lanes::Four<Rotations128>>;
} // namespace

const Kernels avx512Kernels = {InstructionSet::avx512, Lone::compress, Table::chunks,
                               Table::zeroChunks,      Table::parents, Table::keyedTags};

} // namespace volley::blake3
