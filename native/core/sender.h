// The sending end of a multicast session as a sans-IO machine: reports and the time go in, orders to send come
// out. It decides what is sent, in which order and how fast; it never sees payload bytes, sockets or clocks. The
// driver (engine/, or the simulator) numbers, fills, authenticates and sends. One thread at a time.
#pragma once
#include "core/codec.h"
#include "core/layout.h"
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace volley {

using Time = std::uint64_t; // microseconds of a clock that only goes forward
constexpr Time never = ~0ull;

struct SenderConfig {
  std::uint32_t symbolBytes;
  std::uint32_t datagramBytes;         // on the wire, IP and UDP headers included, for pacing
  std::uint64_t rateBytesPerSecondMax; // policy; 0 = as fast as most receivers take
  std::uint64_t rateBytesPerSecondMin;
  double budget = 0.15; // repairs beyond what is usual, as a part of what was sent, one receiver may ask for
  std::uint64_t seed;
  double pacePercentile = 0.75; // of the receivers, the least pressed first: the rate follows this one
};

// One order: a DATA datagram (symbol of a block), or the ANNOUNCE in `announce()` as it stands when the order is
// carried out. Counters are the driver's: `counter` is what the machine assumed, from 1, with no gap.
struct Emission {
  bool announce;
  std::uint64_t counter;
  std::uint32_t block;
  std::uint16_t symbol;
  std::uint16_t remaining;
};

// What keeps it from sending faster, as far as the sender can tell.
enum class Limit : std::uint8_t {
  nothing, // it is finding its rate, or has nothing to do
  policy,  // the rate it was given
  network, // delay or loss on the way to most receivers
  receiver, // most receivers cannot keep up; `limitingReceiver` is the one that sets the pace
  sender,  // this computer does not send as fast as it may
};

struct SenderStatistics {
  std::uint64_t dataDatagrams, announceDatagrams, reports, reportsIgnored;
  std::uint64_t sourceSymbols, paritySymbols;
  std::uint32_t receivers; // heard of in the last ten seconds
  std::uint32_t blocksPending; // with symbols still to send
  std::uint64_t rateBytesPerSecond;
  Limit limit;
  std::uint32_t limitingReceiver;
};

class Sender {
public:
  Sender(const SenderConfig& config, const BlockLayout& layout, Time now);
  ~Sender();

  // A report that was authenticated. `receivers` the site expects may be set at any time.
  void onReport(const Report& report, Time now);
  void setRate(std::uint64_t rateBytesPerSecondMax);
  // Policy moves a receiver to unicast, or takes it back: its requests are ignored, and announces name it.
  void setMoved(std::uint32_t receiver, bool moved);

  // Orders that may be carried out now, at most `out.size()` (the pacing may give fewer, or none).
  std::size_t next(Time now, std::span<Emission> out);
  // The announce for an emission that says so.
  const Announce& announce() const;
  // When `next` is worth calling again; `never` when there is nothing to do until a report comes.
  Time wakeup() const;
  SenderStatistics statistics() const;
  // Receivers that asked for more than repair allows, and so are moved or were within the last seconds; without those
  // that policy moved. As of the last look; valid until the next call.
  const std::vector<std::uint32_t>& overBudget() const;
  bool idle() const; // nothing owed to anyone

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace volley
