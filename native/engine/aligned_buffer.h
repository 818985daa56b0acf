// Memory at an address that direct input and output take. Contents are not initialised.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace volley {

class AlignedBuffer {
public:
  // `alignment` is a power of two and divides `bytes`. Throws std::bad_alloc.
  AlignedBuffer(std::size_t bytes, std::size_t alignment)
      : memory_(static_cast<std::uint8_t*>(std::aligned_alloc(alignment, bytes))), bytes_(bytes) {
    if (!memory_) throw std::bad_alloc();
  }
  std::span<std::uint8_t> span() { return {memory_.get(), bytes_}; }
  std::uint8_t* data() { return memory_.get(); }
  std::size_t size() const { return bytes_; }

private:
  struct Free {
    void operator()(std::uint8_t* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::uint8_t, Free> memory_;
  std::size_t bytes_;
};

} // namespace volley
