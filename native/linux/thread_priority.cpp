#include "port/thread_priority.h"
#include <sys/resource.h>

namespace volley {

namespace {
constexpr int preferredNiceness = -5; // about three times an ordinary thread's share
constexpr id_t self = 0;              // on Linux the calling thread, whose niceness is its own (sched(7))
} // namespace

ThreadPriority::ThreadPriority() noexcept : ordinary_(::getpriority(PRIO_PROCESS, self)) {}

void ThreadPriority::prefer(bool preferred) noexcept {
  if (ordinary_ > preferredNiceness)
    ::setpriority(PRIO_PROCESS, self, preferred ? preferredNiceness : ordinary_);
}

} // namespace volley
