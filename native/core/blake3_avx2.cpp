// BLAKE3 for AVX2.
#include "core/blake3_lanes128.h"
#include "core/blake3_lanes256.h"

namespace volley::blake3 {
namespace {

struct Avx2;

struct Rotations256 {
  static VOLLEY_BLAKE3_INLINE __m256i rotate16(__m256i a) {
    return _mm256_shuffle_epi8(
        a, _mm256_broadcastsi128_si256(_mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)));
  }
  static VOLLEY_BLAKE3_INLINE __m256i rotate12(__m256i a) {
    return _mm256_or_si256(_mm256_srli_epi32(a, 12), _mm256_slli_epi32(a, 20));
  }
  static VOLLEY_BLAKE3_INLINE __m256i rotate8(__m256i a) {
    return _mm256_shuffle_epi8(
        a, _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)));
  }
  static VOLLEY_BLAKE3_INLINE __m256i rotate7(__m256i a) {
    return _mm256_or_si256(_mm256_srli_epi32(a, 7), _mm256_slli_epi32(a, 25));
  }
};

using Lone = lanes::Lone<lanes::Shuffles<Avx2>>;
using Table = lanes::Table<Lone, lanes::Eight<Rotations256>, lanes::Four<lanes::Shuffles<Avx2>>>;
} // namespace

const Kernels avx2Kernels = {InstructionSet::avx2, Lone::compress, Table::chunks,
                             Table::zeroChunks,    Table::parents, Table::keyedTags};

} // namespace volley::blake3
