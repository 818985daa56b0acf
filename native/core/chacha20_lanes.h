// ChaCha20 on many blocks at once, one in each lane of a vector: templates over a vector type `V`, which the file of an
// instruction set defines in its anonymous namespace, so that code compiled for one set can never stand in for another's
// at link time. For the same reason nothing here uses the standard library's inline functions.
//
// V has `Word` (a vector of 32-bit words), `lanes`, and the static functions splat, count (a word and the numbers of the
// lanes added), add, bitXor, rotate16/12/8/7 (to the left) and xorBlocks (sixteen words of every lane onto `lanes` blocks
// of 64 bytes).
#pragma once
#include "core/chacha20_kernels.h"

#include <cstring>

#if defined(_MSC_VER) && !defined(__clang__)
#define VOLLEY_CHACHA20_INLINE __forceinline
#else
#define VOLLEY_CHACHA20_INLINE inline __attribute__((always_inline))
#endif

namespace volley::chacha20::lanes {

// Four quarter rounds that are independent of each other: step by step, they hide each other's delays.
template <class V, class Word = typename V::Word>
VOLLEY_CHACHA20_INLINE void quarterRounds(Word* a, Word* b, Word* c, Word* d, int shiftB, int shiftC, int shiftD) {
  for (int i = 0; i < 4; ++i) a[i] = V::add(a[i], b[(i + shiftB) % 4]);
  for (int i = 0; i < 4; ++i) d[(i + shiftD) % 4] = V::rotate16(V::bitXor(d[(i + shiftD) % 4], a[i]));
  for (int i = 0; i < 4; ++i) c[(i + shiftC) % 4] = V::add(c[(i + shiftC) % 4], d[(i + shiftD) % 4]);
  for (int i = 0; i < 4; ++i)
    b[(i + shiftB) % 4] = V::rotate12(V::bitXor(b[(i + shiftB) % 4], c[(i + shiftC) % 4]));
  for (int i = 0; i < 4; ++i) a[i] = V::add(a[i], b[(i + shiftB) % 4]);
  for (int i = 0; i < 4; ++i) d[(i + shiftD) % 4] = V::rotate8(V::bitXor(d[(i + shiftD) % 4], a[i]));
  for (int i = 0; i < 4; ++i) c[(i + shiftC) % 4] = V::add(c[(i + shiftC) % 4], d[(i + shiftD) % 4]);
  for (int i = 0; i < 4; ++i)
    b[(i + shiftB) % 4] = V::rotate7(V::bitXor(b[(i + shiftB) % 4], c[(i + shiftC) % 4]));
}

// As many blocks as there are lanes, from the counter in `state` on.
template <class V> VOLLEY_CHACHA20_INLINE void batch(const std::uint32_t* state, const std::uint8_t* in, std::uint8_t* out) {
  typename V::Word s[16];
  for (int i = 0; i < 16; ++i) s[i] = V::splat(state[i]);
  s[12] = V::count(state[12]);
  for (int round = 0; round < 10; ++round) {
    quarterRounds<V>(s, s + 4, s + 8, s + 12, 0, 0, 0);
    quarterRounds<V>(s, s + 4, s + 8, s + 12, 1, 2, 3);
  }
  for (int i = 0; i < 16; ++i) s[i] = V::add(s[i], i == 12 ? V::count(state[12]) : V::splat(state[i]));
  V::xorBlocks(s, in, out);
}

// Whole batches of the widest vectors, and the rest in the narrowest that holds it.
template <class V, class... Narrower>
VOLLEY_CHACHA20_INLINE void inBatches(std::uint32_t* state, const std::uint8_t* in, std::uint8_t* out, std::size_t count) {
  constexpr std::size_t bytes = V::lanes * blockBytes;
  for (; count >= V::lanes; count -= V::lanes, in += bytes, out += bytes, state[12] += V::lanes) batch<V>(state, in, out);
  if (count == 0) return;
  if constexpr (sizeof...(Narrower) > 0) {
    if (count <= V::lanes / 2) return inBatches<Narrower...>(state, in, out, count);
  }
  std::uint8_t copy[bytes];
  std::memcpy(copy, in, count * blockBytes);
  std::memset(copy + count * blockBytes, 0, bytes - count * blockBytes);
  batch<V>(state, copy, copy);
  std::memcpy(out, copy, count * blockBytes);
}

// What a file of an instruction set defines its `Blocks` by.
template <class V, class... Narrower>
VOLLEY_CHACHA20_INLINE void blocks(const std::uint32_t* given, const std::uint8_t* in, std::uint8_t* out,
                                   std::size_t count) {
  std::uint32_t state[16];
  std::memcpy(state, given, sizeof state);
  inBatches<V, Narrower...>(state, in, out, count);
}

} // namespace volley::chacha20::lanes
