// Waits shorter than the system's tick of up to 16 ms, where it has timers for that (Windows 10 1803 and
// later).
#pragma once
#include "windows/handle.h"
#include <algorithm>
#include <cstdint>

namespace volley {

class PreciseTimer {
public:
  // Null where there are none, or not now. Set from the call on; used by one thread at a time.
  HANDLE startedFor(std::uint64_t time_us) const {
    LARGE_INTEGER due;
    due.QuadPart = -static_cast<LONGLONG>(std::min(time_us, most_us)) * 10; // from now, in units of 100 ns
    const bool set = timer_ && ::SetWaitableTimer(timer_.get(), &due, 0, nullptr, nullptr, FALSE) != 0;
    return set ? timer_.get() : nullptr;
  }

private:
  static constexpr std::uint64_t most_us = 3'600'000'000;
  static constexpr DWORD highResolution =
      0x2; // CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, which older headers lack
  Handle timer_{::CreateWaitableTimerExW(nullptr, nullptr, highResolution, TIMER_ALL_ACCESS)};
};

} // namespace volley
