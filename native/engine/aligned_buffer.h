// Memory at an address that direct input and output take. Contents are not initialised.
#pragma once
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace volley {

class AlignedBuffer {
public:
  // `alignment` is a power of two and divides `bytes`. Throws std::bad_alloc.
  AlignedBuffer(std::size_t bytes, std::size_t alignment)
      : memory_(static_cast<std::uint8_t*>(::operator new (bytes, std::align_val_t{alignment})), Free{alignment}),
        bytes_(bytes) {}
  std::span<std::uint8_t> span() { return {memory_.get(), bytes_}; }
  std::uint8_t* data() { return memory_.get(); }
  std::size_t size() const { return bytes_; }

private:
  struct Free {
    std::size_t alignment;
    void operator()(std::uint8_t* memory) const { ::operator delete (memory, std::align_val_t{alignment}); }
  };
  std::unique_ptr<std::uint8_t, Free> memory_;
  std::size_t bytes_;
};

} // namespace volley
