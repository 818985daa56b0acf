// What the sockets alone can do: bursts of datagrams as long as ours, of zeros, which nobody checks or keeps. The
// benchmark holds a cast against it.
//   volley_raw_cast send GROUP PORT INTERFACE-ADDRESS BYTES
//   volley_raw_cast receive GROUP PORT INTERFACE-ADDRESS     until nothing has come for half a second; prints JSON
#include "core/limits.h"
#include "core/sender.h"
#include "engine/parse_options.h"
#include "port/clock.h"
#include "port/socket.h"
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace volley;

namespace {

constexpr std::size_t datagramBytes = 1408 + limits::headerBytes + limits::tagBytes;
constexpr Time quietEnd_us = 500'000;
constexpr Time waitMost_us = 30'000'000; // for the first datagram

int send(const Endpoint& group, std::uint32_t interfaceAddress, std::uint64_t bytes) {
  const auto socket = openSenderSocket({interfaceAddress, 0, 1});
  const std::vector<std::uint8_t> burst(datagramBytes * limits::burstDatagrams);
  for (std::uint64_t sent = 0; sent < bytes; sent += burst.size())
    socket->send(burst.data(), limits::burstDatagrams, datagramBytes, group);
  return 0;
}

int receive(const Endpoint& group, std::uint32_t interfaceAddress) {
  const auto clock = makeMonotonicClock();
  const auto socket = joinGroup({group, interfaceAddress});
  const auto wakeup = makeWakeup();
  const Time begun = clock->now_us();
  Time first = 0, last = 0;
  std::uint64_t bytes = 0;
  std::printf("ready\n");
  std::fflush(stdout);
  for (;;) {
    const auto arrivals = socket->receive();
    const Time now = clock->now_us();
    for (const Arrival& arrival : arrivals) bytes += arrival.length;
    if (!arrivals.empty()) {
      if (first == 0) first = now;
      last = now;
      continue;
    }
    if (first != 0 ? now - last > quietEnd_us : now - begun > waitMost_us) break;
    socket->wait(*wakeup, 50'000);
  }
  std::printf("{ \"bytes\": %llu, \"seconds\": %.6f }\n", static_cast<unsigned long long>(bytes),
              static_cast<double>(last - first) / 1e6);
  return bytes > 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if ((mode != "send" || argc != 6) && (mode != "receive" || argc != 5)) {
    std::fprintf(stderr, "volley_raw_cast send|receive GROUP PORT INTERFACE-ADDRESS [BYTES]\n");
    return 2;
  }
  const Endpoint group{addressOf(argv[2]), static_cast<std::uint16_t>(std::atoi(argv[3]))};
  return mode == "send" ? send(group, addressOf(argv[4]), std::stoull(argv[5])) : receive(group, addressOf(argv[4]));
}
