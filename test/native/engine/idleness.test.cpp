// When a thread counts as one that mostly waits, and when no longer.
#include "engine/idleness.h"
#include "check.h"

using volley::Idleness;

namespace {

constexpr std::uint64_t turn_us = 2'000;

// Turns of 2 ms until `till_us`, waiting the given share of each.
void live(Idleness& idleness, std::uint64_t& now_us, std::uint64_t till_us, double share) {
  while (now_us < till_us) {
    now_us += turn_us;
    idleness.turn(now_us, static_cast<std::uint64_t>(turn_us * share));
  }
}

void onlyAfterASecond() {
  Idleness idleness(0);
  std::uint64_t now_us = 0;
  CHECK(!idleness.idle());
  live(idleness, now_us, 900'000, 0.8);
  CHECK(!idleness.idle());
  live(idleness, now_us, 1'000'000, 0.8);
  CHECK(idleness.idle());
}

void endedByOneBusyQuarter() {
  Idleness idleness(0);
  std::uint64_t now_us = 0;
  live(idleness, now_us, 2'000'000, 0.8);
  CHECK(idleness.idle());
  live(idleness, now_us, 2'250'000, 0.5);
  CHECK(!idleness.idle());
  live(idleness, now_us, 3'000'000, 0.8);
  CHECK(!idleness.idle());
  live(idleness, now_us, 3'250'000, 0.8);
  CHECK(idleness.idle());
}

void neverWhereThereIsAlwaysWork() {
  Idleness idleness(0);
  std::uint64_t now_us = 0;
  live(idleness, now_us, 5'000'000, 0.59);
  CHECK(!idleness.idle());
}

} // namespace

int main() {
  onlyAfterASecond();
  endedByOneBusyQuarter();
  neverWhereThereIsAlwaysWork();
  return volley_test::finish();
}
