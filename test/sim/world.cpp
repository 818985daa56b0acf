#include "world.h"
#include <cstdio>

namespace volley_sim {

std::uint32_t PacketPool::add(Packet packet, std::uint32_t copies) {
  if (free_.empty()) {
    entries_.push_back({std::move(packet), copies});
    return static_cast<std::uint32_t>(entries_.size() - 1);
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  entries_[index] = {std::move(packet), copies};
  return index;
}

void PacketPool::drop(std::uint32_t index) {
  if (--entries_[index].copies > 0) return;
  entries_[index].packet = {};
  free_.push_back(index);
}

World::World(const Scenario& scenario, bool trace)
    : scenario_(scenario), trace_(trace), layout_(scenario.storedBytes, scenario.symbolBytes),
      random_(scenario.seed) {
  nodes_.resize(scenario.receivers.size() + 1);
  result_.receivers.resize(nodes_.size());
  for (std::uint32_t i = 1; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    node.plan = scenario.receivers[i - 1];
    node.down.emplace(node.plan.down, scenario.seed * 1000 + 2 * i);
    node.up.emplace(node.plan.up, scenario.seed * 1000 + 2 * i + 1);
    node.disk.resize(layout_.chunks());
    for (auto& chunk : node.disk) chunk = static_cast<double>(random_() % 10'000) < node.plan.held * 10'000;
    if (!node.plan.liar) ++unfinished_;
    schedule(node.plan.joinAt, EventKind::join, i, 0);
    for (const Outage& crash : node.plan.crashes) schedule(crash.at, EventKind::crash, i, 0, 0, true);
    for (const Outage& pause : node.plan.pauses) schedule(pause.at, EventKind::pause, i, 0);
  }
  for (const Outage& crash : scenario.senderCrashes) schedule(crash.at, EventKind::crash, 0, 0);
  startSender();
}

void World::fail(const std::string& what) {
  if (result_.failure.empty()) result_.failure = what + " (at " + std::to_string(now_) + " us)";
}

void World::say(const char* what, std::uint32_t number, const std::string& more) {
  if (!trace_) return;
  std::printf("%12.6f %s %u%s\n", static_cast<double>(now_) / 1e6, what, number, more.c_str());
}

std::uint64_t World::checkOf(std::uint32_t block, std::uint32_t symbol) const {
  std::uint64_t value = scenario_.seed ^ (std::uint64_t{block} << 16 | symbol) * 0x9e3779b97f4a7c15ull;
  value = (value ^ value >> 29) * 0xbf58476d1ce4e5b9ull;
  return value ^ value >> 32;
}

void World::schedule(Time at, EventKind kind, std::uint32_t node, std::uint32_t life, std::uint32_t chunk,
                     bool good) {
  events_.push({std::max(at, now_), 0, kind, node, life, chunk, good, 0});
}

bool World::allFinished() const { return unfinished_ == 0; }

void World::handle(const Event& event) {
  const bool ofSender = event.node == 0;
  switch (event.kind) {
  case EventKind::arrival:
    if (ofSender) reportArrives(packets_.at(event.packet));
    else datagramArrives(event.node, event.packet);
    packets_.drop(event.packet);
    break;
  case EventKind::wake:
    if (ofSender && event.life == senderLife_ && sender_) {
      senderWakeAt_ = volley::never;
      driveSender();
    } else if (!ofSender && event.life == nodes_[event.node].life && nodes_[event.node].machine) {
      nodes_[event.node].wakeAt = volley::never;
      driveReceiver(event.node);
    }
    break;
  case EventKind::join:
    if (ofSender) startSender();
    else join(event.node);
    break;
  case EventKind::crash:
    crash(event.node);
    break;
  case EventKind::pause: {
    Node& node = nodes_[event.node];
    for (const Outage& pause : node.plan.pauses) {
      if (pause.at == now_) node.pausedUntil = now_ + pause.for_us;
    }
    schedule(node.pausedUntil, EventKind::resume, event.node, 0);
    break;
  }
  case EventKind::resume: {
    Node& node = nodes_[event.node];
    if (now_ < node.pausedUntil) break;
    std::deque<std::uint32_t> waiting;
    waiting.swap(node.socket);
    for (const std::uint32_t packet : waiting) {
      datagramArrives(event.node, packet);
      packets_.drop(packet);
    }
    if (node.machine) driveReceiver(event.node);
    break;
  }
  case EventKind::scanned:
    if (event.life == nodes_[event.node].life && nodes_[event.node].machine) scanStep(event.node);
    break;
  case EventKind::written: chunkDone(event, false); break;
  case EventKind::fetched: chunkDone(event, true); break;
  case EventKind::lie:
    if (!allFinished() || now_ < allDoneAt_ + 60'000'000) lie(event.node);
    break;
  }
}

Result World::run() {
  constexpr std::uint64_t eventsMost = 200'000'000;
  constexpr Time quiet_us = 120'000'000; // how long the end is watched: the sender has to stay silent
  while (!events_.empty() && result_.failure.empty()) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.at;
    handle(event);
    if (event.node != 0) checkReceiver(event.node);
    if (++result_.events > eventsMost) fail("it goes on for ever: too many events");
    if (allFinished() && allDoneAt_ == 0) allDoneAt_ = std::max<Time>(now_, 1);
    // What a liar made it owe is sent to the end, however slowly; then it has to be silent.
    if (allDoneAt_ != 0 && now_ > allDoneAt_ + quiet_us && (!sender_ || sender_->idle())) break;
    if (now_ > scenario_.limit_us && !allFinished()) {
      std::string who;
      for (std::uint32_t i = 1; i < nodes_.size(); ++i) {
        if (!nodes_[i].plan.liar && !result_.receivers[i].finished) who.append(" ").append(std::to_string(i));
      }
      fail("receivers did not finish in time:" + who);
    }
  }
  if (result_.failure.empty() && !allFinished()) fail("nothing more happens, and not everybody is done");
  if (result_.failure.empty() && sender_ && !sender_->idle()) fail("the sender still owes something at the end");
  const std::uint64_t allowed =
      result_.dataDatagrams / 20 + (nodes_.size() - 1) * (100 + 4 * (allDoneAt_ / 1'000'000));
  if (result_.failure.empty() && result_.reports > allowed) {
    fail("too much feedback: " + std::to_string(result_.reports) + " reports for " +
         std::to_string(result_.dataDatagrams) + " datagrams");
  }
  result_.endedAt = now_;
  for (std::uint32_t i = 1; i < nodes_.size(); ++i) result_.moved += nodes_[i].wasMoved;
  return result_;
}

} // namespace volley_sim
