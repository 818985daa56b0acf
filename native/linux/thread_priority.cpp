#include "port/thread_priority.h"
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace volley {

namespace {
constexpr int niceness = -5; // about three times an ordinary thread's share
}

// On Linux a niceness is a thread's own (sched(7)); to lower it takes CAP_SYS_NICE.
void raiseThreadPriority() noexcept {
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  if (::getpriority(PRIO_PROCESS, thread) > niceness) ::setpriority(PRIO_PROCESS, thread, niceness);
}

} // namespace volley
