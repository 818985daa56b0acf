// What Windows gives to be given back, and the error that a failed call leaves behind.
#pragma once
#include "port/error.h"
#include <utility>
// Not in the order of the alphabet: windows.h by itself would bring the old sockets.
// clang-format off
#include <winsock2.h>
#include <windows.h>
// clang-format on

namespace volley {

// A kernel object; never INVALID_HANDLE_VALUE.
class Handle {
public:
  Handle() = default;
  explicit Handle(HANDLE handle) : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Handle() {
    if (handle_ != nullptr) ::CloseHandle(handle_);
  }
  HANDLE get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

private:
  HANDLE handle_ = nullptr;
};

inline int lastError() {
  return static_cast<int>(::GetLastError());
}

[[noreturn]] inline void fail(const char* call) {
  throw PortError(lastError(), call);
}

// Throws PortError where the system has no more of them.
inline Handle makeEvent() {
  Handle event(::CreateEventW(nullptr, TRUE, FALSE, nullptr)); // reset by hand
  if (!event) fail("CreateEvent");
  return event;
}

} // namespace volley
