#include "engine/idleness.h"

namespace volley {

void Idleness::turn(std::uint64_t now_us, std::uint64_t waited_us) {
  constexpr std::uint64_t quarter_us = 250'000;
  waited_us_ += waited_us;
  const std::uint64_t length_us = now_us - since_us_;
  if (length_us < quarter_us) return;
  quarters_ = waited_us_ * 5 >= length_us * 3 ? quarters_ + 1 : 0;
  since_us_ = now_us;
  waited_us_ = 0;
}

} // namespace volley
