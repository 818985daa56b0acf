// How fast the sender sends: beside others' traffic, and with a driver that comes late.
#include "check.h"
#include "core/send_record.h"
#include "core/sender.h"
#include <algorithm>

using namespace volley;

namespace {
constexpr std::uint32_t symbolBytes = 1408;
constexpr std::uint32_t datagramBytes = symbolBytes + 72;
constexpr Time round_us = 20'000;

BlockLayout blocksOf(std::uint32_t blocks) { return {std::uint64_t{blocks} * 200 * symbolBytes, symbolBytes}; }

// One receiver of a link that carries `link` bytes a second. What else is on the link keeps a queue of `standing_us`
// and takes what is left; our own excess adds to the queue.
struct Link {
  double link;
  std::uint32_t standing_us;
  double queued = 0;  // bytes of ours
  double carried = 0; // so far
  std::uint64_t highest = 0;
};

struct Room {
  explicit Room(Link onLink)
      : link(onLink), sender({symbolBytes, datagramBytes, 0, 0, 0.15, 1}, blocksOf(60'000), 0) {
    report(0, {{0, 60'000, wholeBlock}});
  }

  void report(std::uint32_t receivedKBps, std::vector<Run> runs) {
    Report status{};
    status.receiver = 1;
    status.highestCounter = link.highest;
    status.delay_us = link.standing_us + static_cast<std::uint32_t>(link.queued / link.link * 1e6);
    status.receivedKBps = receivedKBps;
    status.lackingBlocks = 1;
    status.runs = std::move(runs);
    sender.onReport(status, now);
  }

  void run(Time until) {
    Emission out[64];
    while (now < until) {
      double sent = 0;
      for (const Time end = now + round_us; now < end; now += 500) {
        while (const std::size_t count = sender.next(now, out)) {
          sent += static_cast<double>(count) * datagramBytes;
          link.highest += count;
        }
      }
      const double carried = std::min(link.queued + sent, link.link * round_us / 1e6);
      link.queued += sent - carried;
      link.carried += carried;
      report(static_cast<std::uint32_t>(carried / round_us * 1e3), {});
    }
  }

  double rate() const { return static_cast<double>(sender.statistics().rateBytesPerSecond); }

  Link link;
  Sender sender;
  Time now = 0;
};

void takesAnEmptyLinkWhole() {
  Room room({50e6, 0});
  room.run(2'000'000);
  double least = 1e12;
  for (int second = 3; second < 10; ++second) {
    room.run(Time(second) * 1'000'000);
    least = std::min(least, room.rate());
  }
  CHECK(least > 0.85 * 50e6);
  // What it grows again from is what the link has carried: once its queue is gone it is not left idle.
  const double before = room.link.carried;
  const Time from = room.now;
  room.run(from + 10'000'000);
  CHECK(room.link.carried - before > 0.998 * 50e6 * static_cast<double>(room.now - from) / 1e6);
}

// A queue that stands whatever we send is somebody else's: they get more, but never all.
void yieldsToAStandingQueue() {
  Room room({50e6, 0});
  room.run(3'000'000);
  room.link.standing_us = 3'000;
  room.run(9'000'000);
  CHECK(room.rate() < 0.5 * 50e6);
  CHECK(room.rate() > 0.3 * 50e6);
  room.link.standing_us = 15'000; // and longer than what cuts the rate
  room.run(20'000'000);
  CHECK(room.rate() > 0.25 * 50e6);
  room.link.standing_us = 0;
  room.run(24'000'000);
  CHECK(room.rate() > 0.8 * 50e6);
}

// A driver that comes every three milliseconds sends as much as one that is in time, in bursts no larger, and not for
// long after it was away.
void makesUpForALateDriver() {
  SenderConfig config{symbolBytes, datagramBytes, 10'000'000, 0, 0.15, 1};
  Sender sender(config, blocksOf(1000), 0);
  Report report{};
  report.receiver = 1;
  report.lackingBlocks = 1;
  report.runs = {{0, 1000, wholeBlock}};
  sender.onReport(report, 0);
  Emission out[64];
  const auto sentAt = [&](Time now) {
    std::size_t burst = 0;
    while (const std::size_t count = sender.next(now, out)) burst += count;
    CHECK(burst * datagramBytes <= 20'000 + datagramBytes);
    return static_cast<double>(burst * datagramBytes);
  };
  Time now = 0;
  double sent = 0;
  for (int turn = 0; turn < 500; ++turn) {
    sent += sentAt(now += 700);
    sent += sentAt(now += 1'300); // a third of a millisecond late
  }
  CHECK(sent > 9.6e6 && sent < 10.2e6); // of 10 MB in that second
  sentAt(now += 5'000'000);
  double after = 0;
  for (int turn = 0; turn < 200; ++turn) after += sentAt(now += 500);
  CHECK(after < 1e6 + 0.021 * 10e6 + datagramBytes); // a tenth of a second, and 20 ms that were owed
}

void recordsWhenDatagramsLeft() {
  SendRecord record;
  CHECK(record.rate(0, 100) == 0);
  for (Time now = 0; now <= 100'000; now += 500) record.note(now / 100, now);             // 10,000 a second
  for (Time now = 101'000; now <= 200'000; now += 500) record.note(1000 + (now - 100'000) / 50, now); // 20,000
  const auto near = [](double value, double wanted) { return value > 0.95 * wanted && value < 1.05 * wanted; };
  CHECK(near(record.rate(200, 900), 10'000));
  CHECK(near(record.rate(1500, 2500), 20'000));
  CHECK(near(record.rate(900, 1200), 15'000));
  for (Time now = 201'000; now <= 3'000'000; now += 1'000) record.note(3000 + now / 100, now);
  CHECK(record.rate(200, 900) == 0); // forgotten
}
} // namespace

int main() {
  takesAnEmptyLinkWhole();
  yieldsToAStandingQueue();
  makesUpForALateDriver();
  recordsWhenDatagramsLeft();
  return volley_test::finish();
}
