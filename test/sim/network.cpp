#include "network.h"

namespace volley_sim {

bool Link::loses() {
  if (model_.burstsPerDatagram > 0) {
    const double change = inBurst_ ? 1 / model_.burstLength : model_.burstsPerDatagram;
    if (uniform() < change) inBurst_ = !inBurst_;
    if (inBurst_ && uniform() < model_.burstLoss) return true;
  }
  return model_.loss > 0 && uniform() < model_.loss;
}

Time Link::once(Time now) {
  Time at = now + model_.delay_us;
  if (model_.jitter_us > 0) at += random_() % model_.jitter_us;
  if (model_.reorder > 0 && uniform() < model_.reorder) at += model_.reorderDelay_us;
  return at;
}

int Link::arrivals(Time now, Time out[2]) {
  if (loses()) return 0;
  out[0] = once(now);
  if (model_.duplicate == 0 || uniform() >= model_.duplicate) return 1;
  out[1] = once(now);
  return 2;
}

} // namespace volley_sim
