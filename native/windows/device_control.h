// DeviceIoControl on handles that are open for overlapped work, and on others.
#pragma once
#include "windows/handle.h"
#include <cstddef>

namespace volley {

struct ControlAnswer {
  int error = 0; // the system's; 0 when it was done
  std::size_t bytes = 0;
};

// Waits. Either buffer may be null with length 0.
ControlAnswer controlDevice(HANDLE device, DWORD code, const void* in, std::size_t inBytes, void* out,
                            std::size_t outBytes);

// An order without an answer; gives the system's error, 0 when it was done.
inline int orderDevice(HANDLE device, DWORD code) {
  return controlDevice(device, code, nullptr, 0, nullptr, 0).error;
}

template <class In> int orderDevice(HANDLE device, DWORD code, const In& in) {
  return controlDevice(device, code, &in, sizeof in, nullptr, 0).error;
}

// A question whose answer has one size; gives the system's error, 0 when `out` was filled.
template <class Out> int askDevice(HANDLE device, DWORD code, Out& out) {
  return controlDevice(device, code, nullptr, 0, &out, sizeof out).error;
}

} // namespace volley
