// What a member that lies can announce, in the sender's name: its group key proves membership, not origin.
#include "check.h"
#include "core/receiver.h"

using namespace volley;

namespace {
constexpr std::uint32_t symbolBytes = 1024;

struct Harness {
  ChunkLayout layout{{200 * symbolBytes, 200 * symbolBytes}, symbolBytes};
  Receiver machine{{7, 32, 1, true, 2'000'000, 4'000'000, true, 1}, layout, 1000};
  Announce announce{0, 100'000, 1000, 1000, 1, 0, 2, {}, {}};
  std::uint64_t counter = 0;
  Time now = 1000;

  void hear() { machine.onAnnounce({DatagramType::announce, 0, 1, 1, ++counter, 0, 0, 0}, announce, now); }
  std::optional<Report> waitForReport() {
    for (const Time end = now + 100'000; now < end; now += 100) {
      if (auto report = machine.nextReport(now)) return report;
    }
    return std::nullopt;
  }
};

// The sender's clock may stand anywhere, and be said to jump.
void anySenderClockGivesADelay() {
  for (const Time clock : {Time{0}, Time{1} << 62, Time{1} << 63, ~Time{0} - 10'000}) {
    Harness h;
    h.announce.senderTime_us = clock;
    h.hear();
    h.now += 50'000;
    h.announce.senderTime_us = clock + 20'000;
    h.hear();
    const auto late = h.waitForReport();
    CHECK(late && late->delay_us > 29'000 && late->delay_us <= 30'000);
    for (int bit = 0; bit < 64; ++bit) {
      h.now += 1'000'000;
      h.announce.senderTime_us = Time{1} << bit;
      h.hear();
      while (h.machine.nextReport(h.now)) {
      }
    }
  }
}

// One lie about the sender's clock is forgotten with the next true announce, or the room would be slowed down for good.
void aLieAboutTheClockDoesNotLast() {
  for (const Time lie : {Time{3'600'000'000}, Time{1} << 50, Time{0}}) {
    Harness h;
    const Time clock = 7'200'000'000;
    for (int i = 0; i < 20; ++i) {
      h.now += 20'000;
      h.announce.senderTime_us = i == 10 ? lie : clock + h.now;
      h.hear();
    }
    const auto report = h.waitForReport();
    CHECK(report && report->delay_us == 0);
  }
}

// A status after every datagram, from everybody.
void noAnnounceMakesItReportAllTheTime() {
  Harness h;
  h.announce.rateKBps = ~0u;
  h.announce.statusInterval_ms = 0;
  h.announce.backoff_us = 0;
  h.announce.runs = {{0, 2, comesInTurn}};
  int reports = 0;
  for (const Time end = h.now + 1'000'000; h.now < end; h.now += 100) {
    h.hear();
    while (h.machine.nextReport(h.now))
      ++reports;
    CHECK(h.machine.wakeup() > h.now);
  }
  CHECK(reports > 10 && reports < 200);
}
} // namespace

int main() {
  anySenderClockGivesADelay();
  aLieAboutTheClockDoesNotLast();
  noAnnounceMakesItReportAllTheTime();
  return volley_test::finish();
}
