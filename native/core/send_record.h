// When which datagrams left: so that the pace at which some arrived is compared with the pace at which these very ones
// were sent, not with the present one, which may be another by the time a receiver tells.
#pragma once
#include "core/sender.h"
#include <array>
#include <cstddef>
#include <cstdint>

namespace volley {

class SendRecord {
public:
  // All datagrams up to `counter` have left by `now`. Cheap enough for every turn of the driver.
  void note(std::uint64_t counter, Time now);
  // Datagrams a second among those after `from` up to `to`; 0 where that is not known (any more).
  double rate(std::uint64_t from, std::uint64_t to) const;

private:
  struct Mark {
    std::uint64_t counter;
    Time at;
  };
  const Mark& mark(std::size_t index) const { return marks_[(first_ + index) % marks_.size()]; }

  static constexpr Time spacing_us = 1000;
  std::array<Mark, 1024> marks_{}; // a ring, ascending
  std::size_t first_ = 0, count_ = 0;
};

} // namespace volley
