// Links of the virtual network: delay, loss alone or in bursts, reordering, duplication. Every link draws from a
// random sequence of its own, so that one receiver's fate does not change with another's.
#pragma once
#include "core/sender.h"
#include <cstdint>
#include <random>

namespace volley_sim {

using volley::Time;

struct LinkModel {
  Time delay_us = 100;
  Time jitter_us = 0; // every datagram; less than what reorders at the rates used
  double loss = 0;    // of each datagram by itself
  double burstsPerDatagram = 0; // Gilbert-Elliott: how likely a burst begins, how long it is, how much it loses
  double burstLength = 20;
  double burstLoss = 0.8;
  double reorder = 0; // part that is held back by reorderDelay_us
  Time reorderDelay_us = 1000;
  double duplicate = 0;
};

class Link {
public:
  Link(const LinkModel& model, std::uint64_t seed) : model_(model), random_(seed) {}
  // The times at which a datagram sent now arrives: none, one or two. Returns how many.
  int arrivals(Time now, Time out[2]);
  bool loses();

private:
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  Time once(Time now);

  LinkModel model_;
  std::mt19937_64 random_;
  bool inBurst_ = false;
};

} // namespace volley_sim
