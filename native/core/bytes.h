// Little-endian integers at any address, the same on every machine.
#pragma once
#include <cstddef>
#include <cstdint>

namespace volley {

template <typename Integer> void putLittleEndian(std::uint8_t* out, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

template <typename Integer> Integer getLittleEndian(const std::uint8_t* in) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value = static_cast<Integer>(value | static_cast<Integer>(in[i]) << (8 * i));
  }
  return value;
}

} // namespace volley
