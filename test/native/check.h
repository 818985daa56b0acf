// The few checks the ctest programs share. A failed check prints where and what, and the program goes on, so
// that one run shows every failure; `volley_test::finish()` is main's return value.
#pragma once
#include <cstdio>

namespace volley_test {
inline int failures = 0;
inline int checks = 0;

inline void check(bool holds, const char* expression, const char* file, int line) {
  ++checks;
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, expression);
}

inline int finish() {
  std::printf("%d checks, %d failed\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
} // namespace volley_test

#define CHECK(expression) volley_test::check(static_cast<bool>(expression), #expression, __FILE__, __LINE__)
