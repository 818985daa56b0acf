#include "core/gap_map.h"
#include <algorithm>
#include <cassert>

namespace volley {

template <typename Word> std::uint32_t GapMap::find(std::uint32_t from, Word word) const {
  if (from >= size_) return size_;
  std::size_t i = from / 64;
  std::uint64_t bits = word(i) & (~0ull << (from % 64));
  while (bits == 0) {
    if (++i == words_.size()) return size_;
    bits = word(i);
  }
  const auto found = static_cast<std::uint32_t>(i * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
  return std::min(found, size_);
}

template <typename Change> void GapMap::changeRange(std::uint32_t first, std::uint32_t count, Change change) {
  assert(first <= size_ && count <= size_ - first);
  const std::uint32_t end = first + count;
  while (first < end) {
    const std::uint32_t within = first % 64;
    const std::uint32_t width = std::min(64 - within, end - first);
    const std::uint64_t mask = (width == 64 ? ~0ull : (1ull << width) - 1) << within;
    std::uint64_t& word = words_[first / 64];
    const int before = std::popcount(word);
    word = change(word, mask);
    count_ = static_cast<std::uint32_t>(static_cast<std::int64_t>(count_) + std::popcount(word) - before);
    first += width;
  }
}

void GapMap::addRange(std::uint32_t first, std::uint32_t count) {
  changeRange(first, count, [](std::uint64_t word, std::uint64_t mask) { return word | mask; });
}

void GapMap::removeRange(std::uint32_t first, std::uint32_t count) {
  changeRange(first, count, [](std::uint64_t word, std::uint64_t mask) { return word & ~mask; });
}

std::uint32_t GapMap::next(std::uint32_t from) const {
  return find(from, [this](std::size_t i) { return words_[i]; });
}

std::uint32_t GapMap::nextAbsent(std::uint32_t from) const {
  return find(from, [this](std::size_t i) { return ~words_[i]; });
}

std::uint32_t GapMap::nextCommon(std::uint32_t from, const GapMap& other) const {
  assert(other.size_ == size_);
  return find(from, [this, &other](std::size_t i) { return words_[i] & other.words_[i]; });
}

} // namespace volley
