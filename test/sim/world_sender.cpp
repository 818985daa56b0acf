// The sending node: numbers and sends what the machine orders, over one link with a queue.
#include "world.h"
#include <algorithm>

namespace volley_sim {

namespace {
constexpr std::uint32_t wireBytes = 28 + 28 + 16; // IP and UDP, header, tag
constexpr std::uint32_t session = 7;
constexpr std::uint32_t closingAnnounces = 3;
} // namespace

void World::startSender() {
  ++senderStart_;
  ++senderLife_;
  counter_ = 0;
  restingAnnounces_ = 0;
  volley::SenderConfig config{};
  config.symbolBytes = scenario_.symbolBytes;
  config.datagramBytes = scenario_.symbolBytes + wireBytes;
  config.rateBytesPerSecondMax = scenario_.rateMax;
  config.seed = scenario_.seed + senderStart_;
  sender_ = std::make_unique<volley::Sender>(config, layout_.blocks(), now_);
  senderWakeAt_ = volley::never;
  say("sender starts, start", senderStart_);
  driveSender();
}

void World::driveSender() {
  volley::Emission emissions[64];
  for (;;) {
    const std::size_t count = sender_->next(now_, emissions);
    for (std::size_t i = 0; i < count; ++i) sendToGroup(emissions[i]);
    if (count == 0) break;
  }
  const Time at = sender_->wakeup();
  if (at == volley::never || at >= senderWakeAt_) return;
  senderWakeAt_ = std::max(at, now_ + 1);
  schedule(senderWakeAt_, EventKind::wake, 0, senderLife_);
}

void World::checkSender(const volley::Emission& emission) {
  if (emission.counter != ++counter_) fail("a counter is skipped or repeated");
  if (!emission.announce && (emission.block >= layout_.blocks().blocks() || emission.symbol > 255)) {
    fail("a symbol that does not exist is sent");
  }
  restingAnnounces_ = emission.announce && sender_->idle() ? restingAnnounces_ + 1 : 0;
  if (restingAnnounces_ > closingAnnounces) fail("the sender has nothing to do and is not silent");
}

void World::sendToGroup(const volley::Emission& emission) {
  checkSender(emission);
  Packet packet;
  std::uint32_t bytes = scenario_.symbolBytes + wireBytes;
  if (emission.announce) {
    ++result_.announceDatagrams;
    packet.announce = std::make_shared<volley::Announce>(sender_->announce());
    const volley::Announce& announce = *packet.announce;
    packet.header = {volley::DatagramType::announce, 0, session, senderStart_, emission.counter, announce.coverFrom,
                     static_cast<std::uint16_t>(announce.runs.size()),
                     static_cast<std::uint16_t>(announce.moved.size())};
    const auto payload = static_cast<std::uint32_t>(28 + announce.runs.size() * 10 + announce.moved.size() * 4);
    if (payload > scenario_.symbolBytes) fail("an announce is longer than a symbol");
    bytes = payload + wireBytes;
  } else {
    ++result_.dataDatagrams;
    packet.header = {volley::DatagramType::data, 0, session, senderStart_, emission.counter, emission.block,
                     emission.symbol, emission.remaining};
    packet.check = checkOf(emission.block, emission.symbol);
    if (scenario_.wrongSymbols > 0 && static_cast<double>(random_() % 1'000'000) < scenario_.wrongSymbols * 1e6) {
      packet.check ^= 1;
    }
  }
  const Time begins = std::max(now_, linkBusyUntil_);
  const Time queued_us = begins - now_;
  if (queued_us * scenario_.linkBytesPerSecond / 1'000'000 > scenario_.linkQueueBytes) return;
  const std::uint64_t nanoseconds = std::uint64_t{bytes} * 1'000'000'000 / scenario_.linkBytesPerSecond;
  linkBusyNanoseconds_ = std::max(linkBusyNanoseconds_, now_ * 1000) + nanoseconds;
  linkBusyUntil_ = linkBusyNanoseconds_ / 1000;
  std::vector<Event> arrivals;
  for (std::uint32_t i = 1; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    if (!node.machine || node.plan.deaf) continue;
    Time at[2];
    const int copies = node.down->arrivals(linkBusyUntil_, at);
    for (int c = 0; c < copies; ++c) arrivals.push_back({at[c], 0, EventKind::arrival, i, 0, 0, true, 0});
  }
  if (arrivals.empty()) return;
  const std::uint32_t index = packets_.add(std::move(packet), static_cast<std::uint32_t>(arrivals.size()));
  for (Event& event : arrivals) {
    event.packet = index;
    events_.push(event);
  }
}

void World::reportArrives(const Packet& packet) {
  if (!sender_) return;
  // Counters of another start say nothing about this one.
  volley::Report report = *packet.report;
  if (packet.header.start != senderStart_) report.highestCounter = 0;
  sender_->onReport(report, now_);
  // Who asks may be answered once more that nothing is on its way.
  if (!report.runs.empty()) restingAnnounces_ = std::min(restingAnnounces_, closingAnnounces - 1);
  driveSender();
}

} // namespace volley_sim
