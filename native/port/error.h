// How a port says that the system refused: the call and the system's error number. What it was about (device,
// offset, chunk) is known to the caller, who adds it (engine/error.h).
#pragma once
#include <exception>

namespace volley {

struct PortError : std::exception {
  PortError(int number, const char* callName) : systemError(number), call(callName) {}
  int systemError;  // errno, or the Windows error number
  const char* call; // a string literal, for example "pwrite"
  const char* what() const noexcept override { return call; }
};

} // namespace volley
