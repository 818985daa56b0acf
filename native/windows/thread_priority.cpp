#include "port/thread_priority.h"
#include <windows.h>

namespace volley {

ThreadPriority::ThreadPriority() noexcept : ordinary_(::GetThreadPriority(::GetCurrentThread())) {}

void ThreadPriority::prefer(bool preferred) noexcept {
  if (ordinary_ >= THREAD_PRIORITY_ABOVE_NORMAL) return; // also where it could not be asked
  ::SetThreadPriority(::GetCurrentThread(), preferred ? THREAD_PRIORITY_ABOVE_NORMAL : ordinary_);
}

} // namespace volley
