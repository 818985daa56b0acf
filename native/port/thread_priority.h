// Who comes first where threads share a computer's processors.
#pragma once

namespace volley {

// Puts the calling thread before those of ordinary programs, where the system lets this process do so; for a thread
// that a whole room waits for and that waits most of its time.
void raiseThreadPriority() noexcept;

} // namespace volley
