#include "core/layout.h"
#include "core/limits.h"
#include <algorithm>
#include <cassert>

namespace volley {

BlockLayout::BlockLayout(std::uint64_t contentBytes, std::uint32_t symbolBytes)
    : contentBytes_(contentBytes), symbolBytes_(symbolBytes) {
  assert(symbolBytes >= limits::symbolBytesMin && symbolBytes <= limits::symbolBytesMax);
  assert(symbolBytes % 64 == 0 && contentBytes <= limits::imageBytesMax);
  symbols_ = (contentBytes + symbolBytes - 1) / symbolBytes;
  blocks_ = static_cast<std::uint32_t>((symbols_ + limits::symbolsPerBlock - 1) / limits::symbolsPerBlock);
}

// floor(block * symbols / blocks), split so that the product fits 64 bits for the largest image.
std::uint64_t BlockLayout::firstSymbol(std::uint32_t block) const {
  if (block >= blocks_) return symbols_;
  return block * (symbols_ / blocks_) + block * (symbols_ % blocks_) / blocks_;
}

std::uint32_t BlockLayout::symbols(std::uint32_t block) const {
  return static_cast<std::uint32_t>(firstSymbol(block + 1) - firstSymbol(block));
}

std::uint64_t BlockLayout::offset(std::uint32_t block) const { return firstSymbol(block) * symbolBytes_; }

std::uint64_t BlockLayout::bytes(std::uint32_t block) const {
  return std::min(contentBytes_, firstSymbol(block + 1) * symbolBytes_) - offset(block);
}

std::uint32_t BlockLayout::blockOf(std::uint64_t contentOffset) const {
  assert(contentOffset < contentBytes_);
  const std::uint64_t symbol = contentOffset / symbolBytes_;
  // The estimate is off by one at most; the exact bounds correct it.
  const double share = static_cast<double>(symbol) / static_cast<double>(symbols_);
  auto block = std::min(static_cast<std::uint32_t>(share * blocks_), blocks_ - 1);
  while (firstSymbol(block) > symbol) --block;
  while (firstSymbol(block + 1) <= symbol) ++block;
  return block;
}

namespace {
std::vector<std::uint64_t> sums(const std::vector<std::uint32_t>& storedBytes) {
  std::vector<std::uint64_t> offsets(storedBytes.size() + 1);
  for (std::size_t i = 0; i < storedBytes.size(); ++i) offsets[i + 1] = offsets[i] + storedBytes[i];
  return offsets;
}
} // namespace

ChunkLayout::ChunkLayout(std::vector<std::uint32_t> storedBytes, std::uint32_t symbolBytes)
    : offsets_(sums(storedBytes)), blocks_(offsets_.back(), symbolBytes) {}

std::uint32_t ChunkLayout::firstBlock(std::uint32_t chunk) const { return blocks_.blockOf(offsets_[chunk]); }

std::uint32_t ChunkLayout::lastBlock(std::uint32_t chunk) const {
  assert(!hole(chunk));
  return blocks_.blockOf(offsets_[chunk + 1] - 1);
}

// The chunk that holds a content byte is the last one that begins at or before it; holes begin where the next
// chunk does, so the search lands behind them.
std::uint32_t ChunkLayout::firstChunk(std::uint32_t block) const {
  const auto after = std::upper_bound(offsets_.begin(), offsets_.end(), blocks_.offset(block));
  return static_cast<std::uint32_t>(after - offsets_.begin() - 1);
}

std::uint32_t ChunkLayout::endChunk(std::uint32_t block) const {
  const std::uint64_t end = blocks_.offset(block) + blocks_.bytes(block);
  return static_cast<std::uint32_t>(std::lower_bound(offsets_.begin(), offsets_.end(), end) - offsets_.begin());
}

} // namespace volley
