#include "port/clock.h"
#include <chrono>

namespace volley {
namespace {

class MonotonicClock final : public Clock {
public:
  std::uint64_t now_us() const override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  }
};

} // namespace

std::unique_ptr<Clock> makeMonotonicClock() {
  return std::make_unique<MonotonicClock>();
}

} // namespace volley
