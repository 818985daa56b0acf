#include "core/chacha20.h"
#include "core/blake3.h"
#include "core/bytes.h"
#include "core/chacha20_kernels.h"
#include <algorithm>
#include <cassert>
#include <cstring>

namespace volley::chacha20 {
namespace {

Blocks& blocks() {
  switch (blake3::active()) {
  case blake3::InstructionSet::avx512: return avx512Blocks;
  case blake3::InstructionSet::avx2: return avx2Blocks;
  case blake3::InstructionSet::sse41: return sse41Blocks;
  case blake3::InstructionSet::scalar: break;
  }
  return scalarBlocks;
}

// Part of a block, from its byte `from`. Answers how many bytes.
std::size_t part(const std::uint32_t* state, std::size_t from, const std::uint8_t* in, std::uint8_t* out,
                 std::size_t length) {
  const std::size_t bytes = std::min(length, blockBytes - from);
  std::uint8_t block[blockBytes] = {};
  std::memcpy(block + from, in, bytes);
  scalarBlocks(state, block, block, 1);
  std::memcpy(out, block + from, bytes);
  return bytes;
}

} // namespace

void apply(const Key& key, std::uint64_t nonce, std::uint64_t position, const std::uint8_t* in, std::uint8_t* out,
           std::size_t length) {
  assert(position <= streamBytesMax && length <= streamBytesMax - position);
  // "expand 32-byte k"
  std::uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (std::size_t i = 0; i < 8; ++i) state[4 + i] = getLittleEndian<std::uint32_t>(key.data() + 4 * i);
  state[12] = static_cast<std::uint32_t>(position / blockBytes);
  state[14] = static_cast<std::uint32_t>(nonce);
  state[15] = static_cast<std::uint32_t>(nonce >> 32);
  if (const std::size_t from = position % blockBytes; from != 0 && length > 0) {
    const std::size_t bytes = part(state, from, in, out, length);
    in += bytes;
    out += bytes;
    length -= bytes;
    ++state[12];
  }
  const std::size_t whole = length / blockBytes;
  if (whole > 0) blocks()(state, in, out, whole);
  if (length % blockBytes == 0) return;
  state[12] += static_cast<std::uint32_t>(whole);
  part(state, 0, in + whole * blockBytes, out + whole * blockBytes, length % blockBytes);
}

} // namespace volley::chacha20
