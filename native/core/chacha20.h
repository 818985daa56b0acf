// The ChaCha20 key stream of RFC 8439 (2.3, 2.4), with nonces whose first four bytes are zero. Encryption and nothing
// else: who needs to know that bytes are genuine authenticates them beside it (core/authenticator.h, the chunk hash).
// The instruction set is the one that BLAKE3 uses (blake3::active); every one gives the same bytes. Pure functions, for
// any thread.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace volley::chacha20 {

using Key = std::array<std::uint8_t, 32>;

// The block counter has 32 bits.
constexpr std::uint64_t streamBytesMax = 1ull << 38;

// out[i] = in[i] XOR byte `position` + i of the stream of this key and nonce (its last eight bytes, little-endian): the
// same to encrypt and to decrypt. `in` may be `out`; else they do not overlap. `position` + `length` is at most
// streamBytesMax. A nonce serves one text of a key.
void apply(const Key& key, std::uint64_t nonce, std::uint64_t position, const std::uint8_t* in, std::uint8_t* out,
           std::size_t length);

} // namespace volley::chacha20
