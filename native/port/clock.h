// The time that the protocol machines are handed: microseconds of a clock that only goes forward and that
// setting the machine's date does not move. Safe on any thread.
#pragma once
#include <cstdint>
#include <memory>

namespace volley {

class Clock {
public:
  virtual ~Clock() = default;
  virtual std::uint64_t now_us() const = 0; // from an origin of its own
};

std::unique_ptr<Clock> makeMonotonicClock();

} // namespace volley
