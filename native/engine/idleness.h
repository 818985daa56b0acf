// Whether a thread waits for the clock most of its time, as a sender does whose link or cap is slower than
// its machine. Such a thread may come before the others: it needs little, and what it is late the whole room
// is late. One that has work all the time may not: receivers on the same machine would get next to nothing.
#pragma once
#include <cstdint>

namespace volley {

class Idleness {
public:
  explicit Idleness(std::uint64_t now_us) : since_us_(now_us) {}

  // After each turn: the time, and how long of the turn the thread has waited.
  void turn(std::uint64_t now_us, std::uint64_t waited_us);

  // For a second now three fifths of the time went by in waiting; the first quarter of which that is not true
  // ends it.
  bool idle() const { return quarters_ >= 4; }

private:
  std::uint64_t since_us_;
  std::uint64_t waited_us_ = 0;
  unsigned quarters_ = 0; // of a second, that were idle, up to now
};

} // namespace volley
