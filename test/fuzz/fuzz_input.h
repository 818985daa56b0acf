// What every fuzz target needs: decisions read from the fuzzer's bytes, and an invariant that ends the
// process with a sentence, which is what libFuzzer takes for a crash.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

namespace volley_fuzz {

inline void hold(bool holds, const char* sentence) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", sentence);
  std::abort();
}

// Decisions, one after the other; zeros once the bytes are used up, so that every input means something.
class FuzzInput {
public:
  FuzzInput(const std::uint8_t* bytes, std::size_t size) : left_(bytes, size) {}
  bool empty() const { return left_.empty(); }

  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const std::uint8_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  std::uint64_t integer(std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }
  std::uint32_t word() { return static_cast<std::uint32_t>(integer(4)); }
  std::uint16_t half() { return static_cast<std::uint16_t>(integer(2)); }
  bool coin() { return (byte() & 1) != 0; }
  std::uint32_t below(std::uint32_t end) {
    return static_cast<std::uint32_t>(integer(end > 256 ? 2 : 1) % end);
  }
  // A number of any magnitude, small ones as likely as large ones.
  std::uint64_t magnitude(std::uint32_t bits) {
    const std::uint32_t width = byte() % (bits + 1);
    const std::uint64_t value = integer((width + 7) / 8);
    return width == 64 ? value : value & ((1ull << width) - 1);
  }

private:
  std::span<const std::uint8_t> left_;
};

} // namespace volley_fuzz
