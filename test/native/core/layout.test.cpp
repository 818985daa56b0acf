// Layout: blocks tile the symbols evenly, every byte lies in the block that blockOf says, and chunks and blocks
// know each other.
#include "check.h"
#include "core/layout.h"
#include "core/limits.h"
#include <random>

using namespace volley;

namespace {
void blocksTile(std::uint64_t contentBytes, std::uint32_t symbolBytes) {
  const BlockLayout layout(contentBytes, symbolBytes);
  std::uint64_t at = 0;
  std::uint32_t least = ~0u, most = 0;
  for (std::uint32_t b = 0; b < layout.blocks(); ++b) {
    CHECK(layout.offset(b) == at);
    CHECK(layout.bytes(b) > 0);
    CHECK(layout.blockOf(at) == b);
    at += layout.bytes(b);
    CHECK(layout.blockOf(at - 1) == b);
    least = std::min(least, layout.symbols(b));
    most = std::max(most, layout.symbols(b));
  }
  CHECK(at == contentBytes);
  if (layout.blocks() == 0) return;
  CHECK(most <= limits::symbolsPerBlock && least >= 1 && most - least <= 1);
  CHECK(layout.blocks() == 1 || least >= limits::symbolsPerBlock / 2);
}

void largestImage() {
  const BlockLayout layout(limits::imageBytesMax, limits::symbolBytesMin);
  const std::uint32_t last = layout.blocks() - 1;
  CHECK(layout.firstSymbol(last) + layout.symbols(last) == limits::imageBytesMax / limits::symbolBytesMin);
  CHECK(layout.blockOf(limits::imageBytesMax - 1) == last);
  for (std::uint32_t b = 1; b < last; b += last / 1000) {
    CHECK(layout.blockOf(layout.offset(b)) == b);
    CHECK(layout.blockOf(layout.offset(b) - 1) == b - 1);
  }
}

void chunksAndBlocks(std::mt19937_64& random) {
  std::vector<std::uint32_t> stored(1 + random() % 40);
  for (auto& bytes : stored) {
    const auto kind = random() % 4;
    bytes = kind == 0 ? 0 : kind == 1 ? static_cast<std::uint32_t>(1 + random() % 500)
                          : static_cast<std::uint32_t>(1 + random() % limits::chunkBytes);
  }
  const ChunkLayout layout(stored, static_cast<std::uint32_t>(64 * (4 + random() % 30)));
  CHECK(layout.chunks() == stored.size());
  for (std::uint32_t c = 0; c < layout.chunks(); ++c) {
    CHECK(layout.storedBytes(c) == stored[c] && layout.hole(c) == (stored[c] == 0));
  }
  for (std::uint32_t b = 0; b < layout.blocks().blocks(); ++b) {
    const std::uint64_t begin = layout.blocks().offset(b), end = begin + layout.blocks().bytes(b);
    CHECK(layout.firstChunk(b) < layout.endChunk(b));
    for (std::uint32_t c = 0; c < layout.chunks(); ++c) {
      if (layout.hole(c)) continue;
      const std::uint64_t first = layout.storedOffset(c), after = first + stored[c];
      const bool overlaps = first < end && after > begin;
      CHECK(overlaps == (c >= layout.firstChunk(b) && c < layout.endChunk(b)));
      CHECK(overlaps == (b >= layout.firstBlock(c) && b <= layout.lastBlock(c)));
    }
  }
}
} // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::stoull(argv[1]) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (const std::uint64_t bytes : {0ull, 1ull, 1408ull, 1409ull, 200 * 1408ull, 200 * 1408ull + 1, 64ull << 20}) {
    blocksTile(bytes, 1408);
    blocksTile(bytes, 256);
    blocksTile(bytes, 8896);
  }
  for (int i = 0; i < 50; ++i) blocksTile(random() % (8u << 20), static_cast<std::uint32_t>(64 * (4 + random() % 20)));
  largestImage();
  for (int i = 0; i < 200; ++i) chunksAndBlocks(random);
  return volley_test::finish();
}
