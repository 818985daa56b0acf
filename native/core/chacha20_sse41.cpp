// ChaCha20 for SSE4.1 and SSSE3.
#include "core/chacha20_lanes128.h"

namespace volley::chacha20 {
namespace {

struct Sse41;

} // namespace

void sse41Blocks(const std::uint32_t* state, const std::uint8_t* in, std::uint8_t* out, std::size_t count) {
  lanes::blocks<lanes::Four<lanes::Shuffles<Sse41>>>(state, in, out, count);
}

} // namespace volley::chacha20
