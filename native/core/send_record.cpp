#include "core/send_record.h"

namespace volley {

void SendRecord::note(std::uint64_t counter, Time now) {
  if (count_ > 0) {
    const Mark& last = mark(count_ - 1);
    if (now - last.at < spacing_us || counter == last.counter) return;
  }
  if (count_ < marks_.size()) {
    marks_[(first_ + count_++) % marks_.size()] = {counter, now};
    return;
  }
  marks_[first_] = {counter, now};
  first_ = (first_ + 1) % marks_.size();
}

double SendRecord::rate(std::uint64_t from, std::uint64_t to) const {
  if (count_ == 0) return 0;
  // The last mark that is not after `from`, and the first that is not before `to`; the last one where there is none yet.
  std::size_t begin = count_, end = count_ - 1;
  for (std::size_t index = count_; index-- > 0;) {
    if (mark(index).counter >= to) end = index;
    if (mark(index).counter <= from) {
      begin = index;
      break;
    }
  }
  if (begin >= end) return 0;
  const double datagrams = static_cast<double>(mark(end).counter - mark(begin).counter);
  return datagrams * 1e6 / static_cast<double>(mark(end).at - mark(begin).at);
}

} // namespace volley
