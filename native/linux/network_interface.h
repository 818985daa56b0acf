// The network interface that has an address.
#pragma once
#include <cstdint>
#include <string>

namespace volley {

struct NetworkInterface {
  std::string name;
  int index;
};

// Throws PortError with ENODEV where none has it.
NetworkInterface interfaceOf(std::uint32_t address);

} // namespace volley
