// Who comes first where threads share a computer's processors.
#pragma once

namespace volley {

// The place of the thread that makes it. One that may not be moved (Linux: without CAP_SYS_NICE) stays where
// it is.
class ThreadPriority {
public:
  ThreadPriority() noexcept;

  // Before the threads of ordinary programs, or where it was. Only by the thread that made it.
  void prefer(bool preferred) noexcept;

private:
  int ordinary_; // the system's figure
};

} // namespace volley
