// One simulated session: the shipping machines, driven as the engine drives them, over a virtual network, virtual
// disks and a virtual unicast server. After every event the invariants of docs/PROTOCOL.md are checked.
#pragma once
#include "core/receiver.h"
#include "core/sender.h"
#include "events.h"
#include "network.h"
#include "scenario.h"
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace volley_sim {

struct ReceiverResult {
  bool finished = false;
  Time finishedAt = 0;
  std::uint64_t dataUntilThen = 0; // datagrams that the sender had sent to anyone
  std::uint64_t multicastChunks = 0, unicastChunks = 0;
};

struct Result {
  std::string failure; // empty when everything held
  std::vector<ReceiverResult> receivers;
  std::uint64_t dataDatagrams = 0, announceDatagrams = 0, reports = 0, events = 0;
  std::uint32_t moved = 0; // receivers that were moved at some time
  Time endedAt = 0;
};

class World {
public:
  World(const Scenario& scenario, bool trace);
  Result run();

private:
  struct Held { // what a driver keeps of a symbol slot
    std::vector<std::uint64_t> checks;
    bool good = false;
  };
  struct Node {
    ReceiverPlan plan;
    std::optional<Link> down, up;
    std::unique_ptr<volley::Receiver> machine;
    std::vector<Held> slots;
    std::vector<std::uint8_t> disk; // by chunk: 1 = holds the image's bytes
    std::uint32_t life = 0;
    Time wakeAt = volley::never;
    Time diskBusyUntil = 0;
    Time pausedUntil = 0;
    std::deque<std::uint32_t> socket; // packets that arrived while it was paused
    std::uint32_t writing = 0, fetching = 0;
    std::uint32_t number = 0; // receiver number: a new one for each join
    std::uint32_t scanAt = 0;
    bool wasMoved = false;
  };

  void fail(const std::string& what);
  void say(const char* what, std::uint32_t number, const std::string& more = {});
  std::uint64_t checkOf(std::uint32_t block, std::uint32_t symbol) const;
  void schedule(Time at, EventKind kind, std::uint32_t node, std::uint32_t life, std::uint32_t chunk = 0,
                bool good = true);
  void handle(const Event& event);

  // world_sender.cpp
  void startSender();
  void driveSender();
  void sendToGroup(const volley::Emission& emission);
  void reportArrives(const Packet& packet);
  void checkSender(const volley::Emission& emission);

  // world_receiver.cpp
  void join(std::uint32_t index);
  void crash(std::uint32_t index);
  void datagramArrives(std::uint32_t index, std::uint32_t packet);
  void decode(Node& node, std::uint32_t block);
  void driveReceiver(std::uint32_t index);
  void startWrites(std::uint32_t index);
  void startFetches(std::uint32_t index);
  void sendReport(std::uint32_t index, volley::Report report);
  void chunkDone(const Event& event, bool unicast);
  void scanStep(std::uint32_t index);
  void lie(std::uint32_t index);
  void checkReceiver(std::uint32_t index);
  bool allFinished() const;

  Scenario scenario_;
  bool trace_;
  volley::ChunkLayout layout_;
  std::mt19937_64 random_;
  EventQueue events_;
  PacketPool packets_;
  Time now_ = 0;
  Result result_;
  std::vector<Node> nodes_;
  std::uint32_t unfinished_ = 0;

  std::unique_ptr<volley::Sender> sender_;
  std::uint32_t senderStart_ = 0;
  std::uint32_t senderLife_ = 0;
  Time senderWakeAt_ = volley::never;
  Time linkBusyUntil_ = 0;
  std::uint64_t linkBusyNanoseconds_ = 0;
  std::uint64_t counter_ = 0;
  std::uint32_t restingAnnounces_ = 0;
  Time unicastBusyUntil_ = 0;
  std::uint32_t nextNumber_ = 1;
  Time allDoneAt_ = 0;
};

} // namespace volley_sim
