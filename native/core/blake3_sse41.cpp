// BLAKE3 for SSE4.1 and SSSE3.
#include "core/blake3_lanes128.h"

namespace volley::blake3 {
namespace {

struct Rotations {
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

using Lone = lanes::Lone<Rotations>;
using Table = lanes::Table<Lone, lanes::Four<Rotations>>;
} // namespace

const Kernels sse41Kernels = {InstructionSet::sse41, Lone::compress, Table::chunks,
                              Table::zeroChunks,     Table::parents, Table::keyedTags};

} // namespace volley::blake3
