// The receiving nodes: a driver as the engine is one, with a disk that takes time and a memory of slots.
#include "world.h"

namespace volley_sim {

namespace {
constexpr std::size_t socketPackets = 2000;
constexpr std::uint32_t writesAtOnce = 4;
constexpr std::uint32_t fetchesAtOnce = 2;
constexpr Time unicastLatency_us = 2'000;
constexpr std::uint32_t rawChunkBytes = 1 << 20;
} // namespace

void World::join(std::uint32_t index) {
  Node& node = nodes_[index];
  ++node.life;
  node.number = nextNumber_++;
  if (node.plan.liar) {
    lie(index);
    return;
  }
  volley::ReceiverConfig config{};
  config.receiver = node.number;
  config.slots = node.plan.slots;
  config.groupSize = static_cast<std::uint32_t>(nodes_.size() - 1);
  config.askBeforeScan = node.plan.askBeforeScan && node.life == 1;
  config.silence_us = scenario_.silence_us;
  config.chunkWait_us = scenario_.chunkWait_us;
  config.unicast = scenario_.unicast;
  config.seed = scenario_.seed * 100 + index + node.life * 1'000'000;
  node.machine = std::make_unique<volley::Receiver>(config, layout_, now_);
  node.slots.assign(node.plan.slots, {std::vector<std::uint64_t>(volley::limits::symbolsPerBlock), false});
  node.wakeAt = volley::never;
  node.diskBusyUntil = now_;
  node.writing = node.fetching = 0;
  node.scanAt = 0;
  say("joins: receiver", index);
  if (!config.askBeforeScan || node.plan.held > 0) scanStep(index);
  driveReceiver(index);
}

void World::crash(std::uint32_t index) {
  if (index == 0) {
    if (!sender_) return;
    say("crashes: sender, start", senderStart_);
    sender_.reset();
    ++senderLife_;
    for (const Outage& crash : scenario_.senderCrashes) {
      if (crash.at == now_) schedule(now_ + crash.for_us, EventKind::join, 0, 0);
    }
    return;
  }
  Node& node = nodes_[index];
  if (!node.machine || node.machine->complete()) return;
  say("crashes: receiver", index);
  node.machine.reset();
  ++node.life;
  for (const std::uint32_t packet : node.socket) packets_.drop(packet);
  node.socket.clear();
  for (const Outage& crash : node.plan.crashes) {
    if (crash.at == now_) schedule(now_ + crash.for_us, EventKind::join, index, 0);
  }
}

void World::datagramArrives(std::uint32_t index, std::uint32_t packetIndex) {
  Node& node = nodes_[index];
  if (!node.machine) return;
  if (now_ < node.pausedUntil) {
    if (node.socket.size() >= socketPackets) return;
    node.socket.push_back(packets_.add(packets_.at(packetIndex), 1));
    return;
  }
  const Packet& packet = packets_.at(packetIndex);
  if (packet.announce) {
    node.machine->onAnnounce(packet.header, *packet.announce, now_);
    driveReceiver(index);
    return;
  }
  const volley::Placed placed = node.machine->onData(packet.header, now_);
  if (placed.placement == volley::Placement::store) {
    if (placed.slot >= node.slots.size()) return fail("a slot that does not exist is used");
    node.slots[placed.slot].checks[node.machine->place()] = packet.check;
    if (placed.decodable) decode(node, packet.header.subject);
    if (placed.decodable) driveReceiver(index);
  }
  // The wake-up may have come nearer only by what was heard first.
  if (node.wakeAt == volley::never) driveReceiver(index);
}

// As Reed-Solomon would: any k different right symbols give the block, one wrong one spoils it.
void World::decode(Node& node, std::uint32_t block) {
  const volley::DecodableBlock ready = node.machine->decodable(block);
  Held& held = node.slots[ready.slot];
  held.good = true;
  std::vector<bool> seen(256);
  for (std::size_t i = 0; i < ready.placeSymbols.size(); ++i) {
    const std::uint16_t symbol = ready.placeSymbols[i];
    if (symbol > 255 || seen[symbol]) return fail("a decodable block has a symbol twice or not at all");
    seen[symbol] = true;
    const std::uint64_t right = checkOf(block, symbol);
    if (held.checks[i] != right) held.good = false;
    if (held.checks[i] != right && held.checks[i] != (right ^ 1)) fail("a symbol lies in another's place");
  }
  for (auto& check : held.checks) check = block; // decoded content now
  node.machine->onBlockDecoded(block);
}

void World::driveReceiver(std::uint32_t index) {
  Node& node = nodes_[index];
  if (!node.machine || now_ < node.pausedUntil) return;
  startWrites(index);
  startFetches(index);
  while (auto report = node.machine->nextReport(now_)) sendReport(index, *report);
  const Time at = node.machine->wakeup();
  if (at == volley::never || at >= node.wakeAt) return;
  node.wakeAt = std::max(at, now_ + 1);
  schedule(node.wakeAt, EventKind::wake, index, node.life);
}

void World::startWrites(std::uint32_t index) {
  Node& node = nodes_[index];
  while (node.writing < writesAtOnce) {
    const auto ready = node.machine->nextReady();
    if (!ready) break;
    bool good = true;
    for (std::uint32_t block = ready->firstBlock; block <= ready->lastBlock; ++block) {
      const Held& held = node.slots[node.machine->slotOf(block)];
      if (held.checks[0] != block) fail("a ready chunk's block is no longer in its slot");
      good = good && held.good;
    }
    if (!good && scenario_.wrongSymbols == 0) fail("right symbols gave a wrong chunk");
    node.disk[ready->chunk] = 0; // torn while it is written
    ++node.writing;
    const Time takes = std::uint64_t{layout_.storedBytes(ready->chunk)} * 1'000'000 / node.plan.diskBytesPerSecond;
    node.diskBusyUntil = std::max(node.diskBusyUntil, now_) + takes + 20;
    schedule(node.diskBusyUntil, EventKind::written, index, node.life, ready->chunk, good);
  }
  node.machine->setBacklog(node.writing * 100 / writesAtOnce);
}

void World::startFetches(std::uint32_t index) {
  Node& node = nodes_[index];
  while (node.fetching < fetchesAtOnce) {
    std::uint32_t chunk = 0;
    if (node.machine->nextUnicast(now_, {&chunk, 1}) == 0) break;
    ++node.fetching;
    node.disk[chunk] = 0;
    const std::uint64_t bytes = layout_.storedBytes(chunk);
    unicastBusyUntil_ = std::max(unicastBusyUntil_, now_) + bytes * 1'000'000 / scenario_.unicastBytesPerSecond;
    const Time there = unicastBusyUntil_ + unicastLatency_us;
    const Time written = std::max(node.diskBusyUntil, there) + bytes * 1'000'000 / node.plan.diskBytesPerSecond;
    const bool good = static_cast<double>(random_() % 1000) >= scenario_.unicastFailures * 1000;
    schedule(written, EventKind::fetched, index, node.life, chunk, good);
  }
}

void World::sendReport(std::uint32_t index, volley::Report report) {
  Node& node = nodes_[index];
  ++result_.reports;
  if (trace_) {
    std::string more = ", highest ";
    more.append(std::to_string(report.highestCounter)).append(", lacks ");
    more.append(std::to_string(report.lackingBlocks)).append(", asks");
    for (const volley::Run& run : report.runs) {
      more.append(" ").append(std::to_string(run.first)).append("+").append(std::to_string(run.count));
      more.append(":").append(std::to_string(run.symbols));
    }
    say("reports: receiver", index, more);
  }
  Packet packet;
  packet.header = {volley::DatagramType::report, 0, 7, senderStart_, 0, node.number, 0, 0};
  packet.report = std::make_shared<volley::Report>(std::move(report));
  Time at[2];
  const int copies = node.plan.deaf ? 0 : node.up->arrivals(now_, at);
  // The receivers' counters keep a duplicate from the machine: only the first copy counts.
  if (copies == 0) return;
  const std::uint32_t place = packets_.add(std::move(packet), 1);
  events_.push({at[0], 0, EventKind::arrival, 0, 0, 0, true, place});
}

void World::chunkDone(const Event& event, bool unicast) {
  Node& node = nodes_[event.node];
  if (event.life != node.life || !node.machine) return;
  --(unicast ? node.fetching : node.writing);
  node.disk[event.chunk] = event.good;
  if (event.good) {
    ReceiverResult& result = result_.receivers[event.node];
    ++(unicast ? result.unicastChunks : result.multicastChunks);
  }
  node.machine->onChunkDone(event.chunk, event.good, now_);
  driveReceiver(event.node);
}

void World::scanStep(std::uint32_t index) {
  Node& node = nodes_[index];
  if (node.scanAt > 0) {
    const std::uint32_t chunk = node.scanAt - 1;
    node.machine->onScanned(chunk, node.disk[chunk] != 0, now_);
    driveReceiver(index);
  }
  if (node.scanAt == layout_.chunks()) return;
  ++node.scanAt;
  schedule(now_ + 1 + rawChunkBytes * 1'000'000ull / 16 / node.plan.scanBytesPerSecond, EventKind::scanned, index,
           node.life);
}

// It lacks everything and has received nothing, however much is sent; and it invents congestion.
void World::lie(std::uint32_t index) {
  Node& node = nodes_[index];
  volley::Report report{};
  report.receiver = node.number;
  report.status = true;
  const auto kind = random_() % 3;
  report.highestCounter = kind == 0 ? 0 : counter_;
  report.delay_us = 1'000'000;
  report.lossPerMillion = 900'000;
  report.backlogPerThousand = 1000;
  const std::uint32_t blocks = layout_.blocks().blocks();
  report.lackingBlocks = blocks;
  report.runs.push_back({0, blocks, static_cast<std::uint16_t>(kind == 1 ? 40 : volley::wholeBlock)});
  Packet packet;
  packet.header = {volley::DatagramType::report, 0, 7, senderStart_, 0, node.number, 0, 0};
  packet.report = std::make_shared<volley::Report>(std::move(report));
  const std::uint32_t place = packets_.add(std::move(packet), 1);
  events_.push({now_ + 100, 0, EventKind::arrival, 0, 0, 0, true, place});
  schedule(now_ + 5'000, EventKind::lie, index, node.life);
}

void World::checkReceiver(std::uint32_t index) {
  Node& node = nodes_[index];
  if (!node.machine) return;
  const volley::ReceiverStatistics statistics = node.machine->statistics();
  if (statistics.slotsUsed > node.plan.slots) fail("more slots are used than there are");
  node.wasMoved = node.wasMoved || statistics.moved;
  ReceiverResult& result = result_.receivers[index];
  if (result.finished || !node.machine->complete()) return;
  result.finished = true;
  result.finishedAt = now_;
  result.dataUntilThen = result_.dataDatagrams;
  --unfinished_;
  for (std::uint32_t chunk = 0; chunk < layout_.chunks(); ++chunk) {
    if (!layout_.hole(chunk) && node.disk[chunk] != 1) fail("wrong bytes counted as verified in chunk " + std::to_string(chunk));
  }
  say("complete: receiver", index);
}

} // namespace volley_sim
