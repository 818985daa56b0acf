// A file descriptor that is closed when its owner goes, and the error that a failed call gives.
#pragma once
#include "port/error.h"
#include <cerrno>
#include <unistd.h>
#include <utility>

namespace volley {

class Descriptor {
public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

private:
  int number_;
};

[[noreturn]] inline void fail(const char* call) {
  throw PortError(errno, call);
}

} // namespace volley
