// What an instruction set gives to the BLAKE3 tree in blake3.cpp: one table of functions for each set, filled
// in by the file named for it and reached through run-time dispatch alone.
//
// A chaining value in memory is 32 bytes, eight little-endian words. A key is those eight words as integers.
#pragma once
#include "core/blake3.h"

namespace volley::blake3 {

inline constexpr std::size_t blockBytes = 64;
inline constexpr std::size_t chunkBytes = 1024;
inline constexpr std::size_t valueBytes = 32;
inline constexpr std::size_t tagBytes = 16;

inline constexpr std::uint32_t flagChunkStart = 1;
inline constexpr std::uint32_t flagChunkEnd = 2;
inline constexpr std::uint32_t flagParent = 4;
inline constexpr std::uint32_t flagRoot = 8;
inline constexpr std::uint32_t flagKeyedHash = 16;
inline constexpr std::uint32_t flagDeriveKeyContext = 32;
inline constexpr std::uint32_t flagDeriveKeyMaterial = 64;

inline constexpr std::uint32_t initialWords[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                                  0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};

struct Kernels {
  InstructionSet set;

  // Chains one block onto the eight words `value`. The block is 64 bytes, of which the first `length` are
  // input and the others zero.
  void (*compress)(std::uint32_t* value, const std::uint8_t* block, std::uint32_t length,
                   std::uint64_t counter, std::uint32_t flags);

  // Chaining values of `count` whole chunks that lie one after another; chunk i has counter + i. Writes
  // 32 * count bytes. `zeroChunks` does the same for chunks of zeros, without reading any.
  void (*chunks)(const std::uint8_t* input, std::size_t count, const std::uint32_t* key,
                 std::uint64_t counter, std::uint32_t flags, std::uint8_t* values);
  void (*zeroChunks)(std::size_t count, const std::uint32_t* key, std::uint64_t counter, std::uint32_t flags,
                     std::uint8_t* values);

  // Chaining values of `count` parents of 2 * count children that lie one after another. `values` may be
  // `children`.
  void (*parents)(const std::uint8_t* children, std::size_t count, const std::uint32_t* key,
                  std::uint32_t flags, std::uint8_t* values);

  // keyedTags of blake3.h: `length` is 1 to maxTaggedBytes; writes 16 * count bytes.
  void (*keyedTags)(const std::uint32_t* key, const std::uint8_t* const* messages, std::size_t count,
                    std::size_t length, std::uint8_t* tags);
};

inline constexpr std::size_t maxTaggedBytes = 65536;

extern const Kernels scalarKernels;
extern const Kernels sse41Kernels;
extern const Kernels avx2Kernels;
extern const Kernels avx512Kernels;

// The table that `active()` names.
const Kernels& kernels();

} // namespace volley::blake3
