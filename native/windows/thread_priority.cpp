#include "port/thread_priority.h"
#include <windows.h>

namespace volley {

void raiseThreadPriority() noexcept { ::SetThreadPriority(::GetCurrentThread(), THREAD_PRIORITY_ABOVE_NORMAL); }

} // namespace volley
