// A set of block or chunk numbers as bits, made for walking its runs: of a disk's gaps, of what is owed, of what
// is lacking. All memory is taken at construction; walking skips 64 numbers at a time.
#pragma once
#include <bit>
#include <cstdint>
#include <vector>

namespace volley {

class GapMap {
public:
  explicit GapMap(std::uint32_t size) : words_((size + 63) / 64), size_(size) {}
  std::uint32_t size() const { return size_; }
  std::uint32_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  bool has(std::uint32_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void add(std::uint32_t i) {
    const std::uint64_t bit = 1ull << (i % 64);
    count_ += (words_[i / 64] & bit) == 0;
    words_[i / 64] |= bit;
  }
  void remove(std::uint32_t i) {
    const std::uint64_t bit = 1ull << (i % 64);
    count_ -= (words_[i / 64] & bit) != 0;
    words_[i / 64] &= ~bit;
  }
  void addRange(std::uint32_t first, std::uint32_t count);
  void removeRange(std::uint32_t first, std::uint32_t count);
  // The first number from `from` on that is in the set, is not, or is in this and the other; size() if none.
  std::uint32_t next(std::uint32_t from) const;
  std::uint32_t nextAbsent(std::uint32_t from) const;
  std::uint32_t nextCommon(std::uint32_t from, const GapMap& other) const;

private:
  template <typename Word> std::uint32_t find(std::uint32_t from, Word word) const;
  template <typename Change> void changeRange(std::uint32_t first, std::uint32_t count, Change change);

  std::vector<std::uint64_t> words_;
  std::uint32_t size_;
  std::uint32_t count_ = 0;
};

} // namespace volley
