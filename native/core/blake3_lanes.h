// BLAKE3 on many inputs at once, one in each lane of a vector: templates over a vector type `V`, which the
// file of an instruction set defines in its anonymous namespace. So everything made from here has internal
// linkage, and code compiled for one set can never stand in for another's at link time. For the same reason
// nothing here uses the standard library's inline functions.
//
// V has `Word` (a vector of 32-bit words), `lanes`, and the static functions load (words, one for each lane),
// splat, add, bitXor, rotate16/12/8/7, keep (the word is computed before what uses it), prefetch (an address,
// valid or not), loadBlock (16 message words out of 64 bytes at `offset` of every lane's input), loadTail
// (the same where only the first `length` bytes may be read and the others count as zero) and storeValues
// (eight words into 32 bytes for each lane).
#pragma once
#include "core/blake3_kernels.h"

#include <cstring>

#if defined(_MSC_VER) && !defined(__clang__)
#define VOLLEY_BLAKE3_INLINE __forceinline
#define VOLLEY_BLAKE3_NOINLINE __declspec(noinline)
#define VOLLEY_BLAKE3_KEEP(word, constraint) static_cast<void>(word)
#define VOLLEY_BLAKE3_IN_MEMORY(pointer) static_cast<void>(pointer)
#else
#define VOLLEY_BLAKE3_INLINE inline __attribute__((always_inline))
#define VOLLEY_BLAKE3_NOINLINE __attribute__((noinline))
// Empty statements that tell the compiler: this word is used as it is now; what this points to is in memory.
#define VOLLEY_BLAKE3_KEEP(word, constraint) __asm__("" : "+" constraint(word))
#define VOLLEY_BLAKE3_IN_MEMORY(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")
#endif

// Instrumented for a sanitizer, unrolled rounds take compilers minutes; there they stay functions.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VOLLEY_BLAKE3_STEP __attribute__((noinline))
#else
#define VOLLEY_BLAKE3_STEP VOLLEY_BLAKE3_INLINE
#endif

namespace volley::blake3::lanes {

// Row r is the order in which round r reads the message words: each row permutes the one before.
inline constexpr unsigned char schedule[7][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                                  {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
                                                  {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
                                                  {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
                                                  {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
                                                  {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
                                                  {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13}};

// Adds a message word to `a`. `b` is added after it because it is ready last; V::keep stops compilers that
// would add it first.
template <class V, bool isZero, class Word = typename V::Word>
VOLLEY_BLAKE3_INLINE void addMessage(Word& a, const Word* m, unsigned index) {
  if constexpr (!isZero) {
    a = V::add(a, m[index]);
    V::keep(a);
  }
}

// Mixes two columns or diagonals. They are independent: interleaved, they hide each other's delays, and two
// at a time suit the processors' view ahead and sixteen registers better than all four. `order` says which
// message words they take.
template <class V, bool isZero, class Word = typename V::Word>
VOLLEY_BLAKE3_STEP void mixTwo(Word& a0, Word& b0, Word& c0, Word& d0, Word& a1, Word& b1, Word& c1, Word& d1,
                               const Word* m, const unsigned char* order) {
  addMessage<V, isZero>(a0, m, order[0]);
  a0 = V::add(a0, b0);
  d0 = V::rotate16(V::bitXor(d0, a0));
  addMessage<V, isZero>(a1, m, order[2]);
  a1 = V::add(a1, b1);
  d1 = V::rotate16(V::bitXor(d1, a1));
  c0 = V::add(c0, d0);
  b0 = V::rotate12(V::bitXor(b0, c0));
  c1 = V::add(c1, d1);
  b1 = V::rotate12(V::bitXor(b1, c1));
  addMessage<V, isZero>(a0, m, order[1]);
  a0 = V::add(a0, b0);
  d0 = V::rotate8(V::bitXor(d0, a0));
  addMessage<V, isZero>(a1, m, order[3]);
  a1 = V::add(a1, b1);
  d1 = V::rotate8(V::bitXor(d1, a1));
  c0 = V::add(c0, d0);
  b0 = V::rotate7(V::bitXor(b0, c0));
  c1 = V::add(c1, d1);
  b1 = V::rotate7(V::bitXor(b1, c1));
}

template <class V, bool isZero, int r, class Word = typename V::Word>
VOLLEY_BLAKE3_INLINE void mixRound(Word* s, const Word* m) {
  constexpr const unsigned char* order = schedule[r];
  mixTwo<V, isZero>(s[0], s[4], s[8], s[12], s[1], s[5], s[9], s[13], m, order);
  mixTwo<V, isZero>(s[2], s[6], s[10], s[14], s[3], s[7], s[11], s[15], m, order + 4);
  mixTwo<V, isZero>(s[0], s[5], s[10], s[15], s[1], s[6], s[11], s[12], m, order + 8);
  mixTwo<V, isZero>(s[2], s[7], s[8], s[13], s[3], s[4], s[9], s[14], m, order + 12);
}

// Chains one block of every lane onto `value` (eight words). `m` is not read if the block is zero.
template <class V, bool isZero, class Word = typename V::Word>
VOLLEY_BLAKE3_STEP void compress(Word* value, const Word* m, Word counterLow, Word counterHigh,
                                 std::uint32_t length, std::uint32_t flags) {
  Word s[16];
  for (int i = 0; i < 8; ++i)
    s[i] = value[i];
  for (int i = 0; i < 4; ++i)
    s[8 + i] = V::splat(initialWords[i]);
  s[12] = counterLow;
  s[13] = counterHigh;
  s[14] = V::splat(length);
  s[15] = V::splat(flags);
  mixRound<V, isZero, 0>(s, m);
  mixRound<V, isZero, 1>(s, m);
  mixRound<V, isZero, 2>(s, m);
  mixRound<V, isZero, 3>(s, m);
  mixRound<V, isZero, 4>(s, m);
  mixRound<V, isZero, 5>(s, m);
  mixRound<V, isZero, 6>(s, m);
  for (int i = 0; i < 8; ++i)
    value[i] = V::bitXor(s[i], s[i + 8]);
}

template <class V> VOLLEY_BLAKE3_INLINE void splatWords(typename V::Word* value, const std::uint32_t* words) {
  for (int i = 0; i < 8; ++i)
    value[i] = V::splat(words[i]);
}

// The counters of a batch: `counter + lane * step` in two words for each lane.
template <class V> struct Counters {
  typename V::Word low, high;
  Counters(std::uint64_t counter, unsigned step) {
    std::uint32_t lows[V::lanes], highs[V::lanes];
    for (unsigned lane = 0; lane < V::lanes; ++lane, counter += step) {
      lows[lane] = static_cast<std::uint32_t>(counter);
      highs[lane] = static_cast<std::uint32_t>(counter >> 32);
    }
    low = V::load(lows);
    high = V::load(highs);
  }
};

// The chaining values of one chunk of 1 to 1024 bytes in each lane. `lastFlags` are set on its last block
// beside flagChunkEnd. `ahead`, if not 0, is an address: with every block as much as the lanes read in it is
// fetched into the second cache from there on, since processors do not see through so many streams of 1024
// bytes each.
template <class V>
VOLLEY_BLAKE3_NOINLINE void chunk(typename V::Word* result, const std::uint8_t* const* inputs,
                                  std::size_t offset, std::size_t length, const std::uint32_t* key,
                                  const Counters<V>& counters, std::uint32_t flags, std::uint32_t lastFlags,
                                  std::uintptr_t ahead) {
  typename V::Word value[8], message[16];
  splatWords<V>(value, key);
  std::uint32_t blockFlags = flags | flagChunkStart;
  for (; length > blockBytes; length -= blockBytes, offset += blockBytes, blockFlags = flags) {
    if (ahead != 0) {
      for (std::size_t lane = 0; lane < V::lanes; ++lane, ahead += blockBytes)
        V::prefetch(ahead);
    }
    V::loadBlock(message, inputs, offset);
    compress<V, false>(value, message, counters.low, counters.high, blockBytes, blockFlags);
  }
  if (length == blockBytes)
    V::loadBlock(message, inputs, offset);
  else
    V::loadTail(message, inputs, offset, length);
  compress<V, false>(value, message, counters.low, counters.high, static_cast<std::uint32_t>(length),
                     blockFlags | flagChunkEnd | lastFlags);
  for (int i = 0; i < 8; ++i)
    result[i] = value[i];
}

template <class V>
VOLLEY_BLAKE3_NOINLINE void zeroChunk(typename V::Word* result, const std::uint32_t* key,
                                      const Counters<V>& counters, std::uint32_t flags) {
  typename V::Word value[8];
  const typename V::Word* message = nullptr;
  splatWords<V>(value, key);
  for (std::size_t offset = 0; offset < chunkBytes; offset += blockBytes) {
    const std::uint32_t start = offset == 0 ? flagChunkStart : 0;
    const std::uint32_t end = offset + blockBytes == chunkBytes ? flagChunkEnd : 0;
    compress<V, true>(value, message, counters.low, counters.high, blockBytes, flags | start | end);
  }
  for (int i = 0; i < 8; ++i)
    result[i] = value[i];
}

// The parent in each lane of the children whose words are message[0..7] and message[8..15].
template <class V>
VOLLEY_BLAKE3_NOINLINE void parent(typename V::Word* result, const typename V::Word* message,
                                   const std::uint32_t* key, std::uint32_t flags) {
  typename V::Word value[8];
  splatWords<V>(value, key);
  compress<V, false>(value, message, V::splat(0), V::splat(0), blockBytes, flags | flagParent);
  for (int i = 0; i < 8; ++i)
    result[i] = value[i];
}

// loadTail for a V that cannot mask its loads.
template <class V>
VOLLEY_BLAKE3_INLINE void loadTailByCopy(typename V::Word* message, const std::uint8_t* const* inputs,
                                         std::size_t offset, std::size_t length) {
  std::uint8_t blocks[V::lanes * blockBytes] = {};
  const std::uint8_t* copies[V::lanes];
  for (std::size_t lane = 0; lane < V::lanes; ++lane) {
    std::memcpy(blocks + lane * blockBytes, inputs[lane] + offset, length);
    copies[lane] = blocks + lane * blockBytes;
  }
  V::loadBlock(message, copies, 0);
}

// Addresses of `count` inputs for the lanes; the lanes beyond repeat the first, and what they yield is
// dropped.
template <class V>
VOLLEY_BLAKE3_INLINE void spread(const std::uint8_t** inputs, const std::uint8_t* first, std::size_t count,
                                 std::size_t stride) {
  for (std::size_t lane = 0; lane < V::lanes; ++lane)
    inputs[lane] = first + (lane < count ? lane : 0) * stride;
}

template <class V>
VOLLEY_BLAKE3_INLINE void store(std::uint8_t* values, const typename V::Word* value, std::size_t count) {
  if (count == V::lanes) {
    V::storeValues(values, value);
    return;
  }
  std::uint8_t all[V::lanes * valueBytes];
  V::storeValues(all, value);
  std::memcpy(values, all, count * valueBytes);
}

// Jobs: what to do with items first .. first + count - 1, `count` at most V::lanes, and, where that is
// quicker than a batch of one, with an item alone. `Lone` has a static compress with the shape of
// Kernels::compress.

template <class Lone> struct ChunkJob {
  const std::uint8_t* input;
  const std::uint32_t* key;
  std::uint64_t counter;
  std::uint32_t flags;
  std::uint8_t* values;

  template <class V> void batch(std::size_t first, std::size_t count) const {
    const std::uint8_t* inputs[V::lanes];
    spread<V>(inputs, input + first * chunkBytes, count, chunkBytes);
    typename V::Word value[8];
    // What comes next is most often the next batch of the same input; where it is not, a fetch does no harm.
    const auto ahead = reinterpret_cast<std::uintptr_t>(inputs[0]) + V::lanes * chunkBytes;
    chunk<V>(value, inputs, 0, chunkBytes, key, Counters<V>(counter + first, 1), flags, 0, ahead);
    store<V>(values + first * valueBytes, value, count);
  }

  void one(std::size_t index) const {
    std::uint32_t value[8];
    std::memcpy(value, key, valueBytes);
    const std::uint8_t* bytes = input + index * chunkBytes;
    for (std::size_t offset = 0; offset < chunkBytes; offset += blockBytes) {
      const std::uint32_t start = offset == 0 ? flagChunkStart : 0;
      const std::uint32_t end = offset + blockBytes == chunkBytes ? flagChunkEnd : 0;
      Lone::compress(value, bytes + offset, blockBytes, counter + index, flags | start | end);
    }
    std::memcpy(values + index * valueBytes, value, valueBytes);
  }
};

struct ZeroChunkJob {
  const std::uint32_t* key;
  std::uint64_t counter;
  std::uint32_t flags;
  std::uint8_t* values;

  template <class V> void batch(std::size_t first, std::size_t count) const {
    typename V::Word value[8];
    zeroChunk<V>(value, key, Counters<V>(counter + first, 1), flags);
    store<V>(values + first * valueBytes, value, count);
  }
};

template <class Lone> struct ParentJob {
  const std::uint8_t* children;
  const std::uint32_t* key;
  std::uint32_t flags;
  std::uint8_t* values;

  template <class V> void batch(std::size_t first, std::size_t count) const {
    const std::uint8_t* inputs[V::lanes];
    spread<V>(inputs, children + first * blockBytes, count, blockBytes);
    typename V::Word message[16], value[8];
    V::loadBlock(message, inputs, 0);
    parent<V>(value, message, key, flags);
    store<V>(values + first * valueBytes, value, count);
  }

  void one(std::size_t index) const {
    std::uint32_t value[8];
    std::memcpy(value, key, valueBytes);
    Lone::compress(value, children + index * blockBytes, blockBytes, 0, flags | flagParent);
    std::memcpy(values + index * valueBytes, value, valueBytes);
  }
};

struct TagJob {
  const std::uint32_t* key;
  const std::uint8_t* const* messages;
  std::size_t length;
  std::uint8_t* tags;

  // The messages have one length, hence one tree: it is walked once, chunk after chunk, with every lane's
  // chaining values side by side as vectors, so that parents need no transposing.
  template <class V> void batch(std::size_t first, std::size_t count) const {
    const std::uint8_t* inputs[V::lanes];
    for (std::size_t lane = 0; lane < V::lanes; ++lane)
      inputs[lane] = messages[first + (lane < count ? lane : 0)];
    constexpr std::size_t maxDepth = 6;
    static_assert(maxTaggedBytes == chunkBytes << maxDepth);
    // Chaining values of finished subtrees, each followed by room for the one it will be merged with.
    typename V::Word stack[8 * (maxDepth + 2)];
    typename V::Word* top = stack;
    const std::size_t lastChunk = (length - 1) / chunkBytes;
    for (std::size_t index = 0; index < lastChunk; ++index, top += 8) {
      chunk<V>(top, inputs, index * chunkBytes, chunkBytes, key, Counters<V>(index, 0), flagKeyedHash, 0, 0);
      for (std::size_t total = index + 1; total % 2 == 0; total /= 2, top -= 8)
        parent<V>(top - 8, top - 8, key, flagKeyedHash);
    }
    chunk<V>(top, inputs, lastChunk * chunkBytes, length - lastChunk * chunkBytes, key,
             Counters<V>(lastChunk, 0), flagKeyedHash, lastChunk == 0 ? flagRoot : 0, 0);
    for (; top != stack; top -= 8)
      parent<V>(top - 8, top - 8, key, flagKeyedHash | (top - 8 == stack ? flagRoot : 0));
    std::uint8_t values[V::lanes * valueBytes];
    V::storeValues(values, stack);
    for (std::size_t lane = 0; lane < count; ++lane)
      std::memcpy(tags + (first + lane) * tagBytes, values + lane * valueBytes, tagBytes);
  }
};

// Runs a job over `count` items: whole batches of the widest vectors, and the rest in the narrowest that
// holds it.
template <class V, class... Narrower, class Job>
VOLLEY_BLAKE3_INLINE void inBatches(const Job& job, std::size_t first, std::size_t count) {
  for (; count >= V::lanes; first += V::lanes, count -= V::lanes)
    job.template batch<V>(first, V::lanes);
  if (count == 0) return;
  if constexpr (requires { job.one(first); }) {
    if (count == 1) return job.one(first);
  }
  if constexpr (sizeof...(Narrower) > 0) {
    if (count <= V::lanes / 2) return inBatches<Narrower...>(job, first, count);
  }
  if constexpr (V::lanes > 1) job.template batch<V>(first, count);
}

// The functions of a table of Kernels, for vectors V and, for what is left over, Narrower.
template <class Lone, class V, class... Narrower> struct Table {
  static void chunks(const std::uint8_t* input, std::size_t count, const std::uint32_t* key,
                     std::uint64_t counter, std::uint32_t flags, std::uint8_t* values) {
    inBatches<V, Narrower...>(ChunkJob<Lone>{input, key, counter, flags, values}, 0, count);
  }
  static void zeroChunks(std::size_t count, const std::uint32_t* key, std::uint64_t counter,
                         std::uint32_t flags, std::uint8_t* values) {
    inBatches<V, Narrower...>(ZeroChunkJob{key, counter, flags, values}, 0, count);
  }
  static void parents(const std::uint8_t* children, std::size_t count, const std::uint32_t* key,
                      std::uint32_t flags, std::uint8_t* values) {
    inBatches<V, Narrower...>(ParentJob<Lone>{children, key, flags, values}, 0, count);
  }
  static void keyedTags(const std::uint32_t* key, const std::uint8_t* const* messages, std::size_t count,
                        std::size_t length, std::uint8_t* tags) {
    inBatches<V, Narrower...>(TagJob{key, messages, length, tags}, 0, count);
  }
};

} // namespace volley::blake3::lanes
