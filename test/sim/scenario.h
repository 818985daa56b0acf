// What happens in one simulated session: the image, the receivers with their links and disks, and the accidents.
#pragma once
#include "network.h"
#include <cstdint>
#include <string>
#include <vector>

namespace volley_sim {

struct Outage {
  Time at;
  Time for_us;
};

struct ReceiverPlan {
  Time joinAt = 0;
  LinkModel down, up;
  std::uint64_t diskBytesPerSecond = 500'000'000;
  std::uint64_t scanBytesPerSecond = 2'000'000'000;
  bool askBeforeScan = true;
  double held = 0; // part of the chunks the disk holds already
  std::uint32_t slots = 64;
  std::vector<Outage> crashes; // loses memory, keeps the disk
  std::vector<Outage> pauses;  // stops; datagrams pile up in its socket buffer and then are lost
  bool liar = false;           // asks for everything, for ever
  bool deaf = false;           // no multicast reaches it
};

struct Scenario {
  std::uint64_t seed = 1;
  std::vector<std::uint32_t> storedBytes;
  std::uint32_t symbolBytes = 1408;
  std::vector<ReceiverPlan> receivers;
  std::vector<Outage> senderCrashes;
  std::uint64_t rateMax = 100'000'000; // 0 = automatic
  std::uint64_t linkBytesPerSecond = 125'000'000;
  std::uint64_t linkQueueBytes = 512 * 1024;
  std::uint64_t unicastBytesPerSecond = 50'000'000;
  double unicastFailures = 0;
  bool unicast = true;
  double wrongSymbols = 0; // authenticated but false: a member of the group that lies about bytes
  Time silence_us = 2'000'000;
  Time chunkWait_us = 3'000'000;
  Time limit_us = 900'000'000; // virtual time by which everybody has to be done
};

Scenario randomScenario(std::uint64_t seed);

} // namespace volley_sim
