#include "engine/caster.h"
#include "core/codec.h"
#include "core/sender.h"
#include "engine/block_source.h"
#include "engine/content_server.h"
#include "engine/datagram_maker.h"
#include "engine/idleness.h"
#include "engine/parse_options.h"
#include "engine/port_failure.h"
#include "port/clock.h"
#include "port/thread_priority.h"
#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace volley {
namespace {

constexpr std::uint64_t rateBytesPerSecondLeast = 125'000;
constexpr double quickestPercentile = 0.25;
constexpr Time statisticsInterval_us = 20'000;
constexpr Time waitMost_us = 500'000;
constexpr Time waitLeast_us = 250; // a quarter of a bucket: fewer and larger bursts
constexpr Time unreachablePause_us = 20'000;
constexpr std::uint64_t rateUnchanged = ~0ull;

SenderConfig senderConfig(const CasterOptions& options) {
  SenderConfig config{};
  config.symbolBytes = symbolBytesOf(options.mtu);
  config.datagramBytes = config.symbolBytes + overheadBytes;
  config.rateBytesPerSecondMax = options.rateBytesPerSecond;
  config.rateBytesPerSecondMin = rateBytesPerSecondLeast;
  if (options.paceByQuickest) config.pacePercentile = quickestPercentile;
  config.seed = std::random_device{}() | std::uint64_t{std::random_device{}()} << 32;
  return config;
}

std::unique_ptr<DatagramSocket> openSocket(const CasterOptions& options) {
  try {
    return openSenderSocket({addressOf(options.interfaceAddress), options.feedbackPort, options.timeToLive});
  } catch (const PortError& error) {
    throw fromPort(code::socket, "the sender's socket cannot be opened on " + options.interfaceAddress, error);
  }
}

std::unique_ptr<ContentServer> openServer(const CasterOptions& options, std::uint64_t contentBytes) {
  if (!options.unicastPort) return nullptr;
  const Endpoint at{addressOf(options.interfaceAddress), *options.unicastPort};
  return std::make_unique<ContentServer>(ContentServer::Options{
      options.contentPath, contentBytes, at, options.feedbackSecret, options.session, options.encrypted});
}

} // namespace

// Everything but the atomics, the snapshot and the wakeup belongs to the thread.
struct Caster::State {
  State(const CasterOptions& options, Finished whenFinished);
  ~State();

  void run();
  void cast();
  void transmit(std::span<const Emission> orders);
  void sendBurst(std::span<const Emission> orders, std::size_t first, std::size_t count);
  void send(const std::uint8_t* datagrams, std::size_t count, std::size_t length);
  void takeMoves();
  void takeReports();
  void takeReport(std::span<const std::uint8_t> datagram);
  void publish(bool force);

  const std::uint32_t session;
  const std::uint32_t start;
  const std::uint16_t stream;
  const Endpoint group;
  const std::string interfaceAddress;
  const BlockLayout layout;
  BlockSource source;
  DatagramMaker maker;
  ReceiverKeys keys;
  std::unique_ptr<Clock> clock = makeMonotonicClock();
  Sender sender;
  std::unique_ptr<Wakeup> wakeup = makeWakeup();
  std::unique_ptr<DatagramSocket> socket;
  std::unique_ptr<ContentServer> server; // none where the content goes by multicast only
  const std::uint16_t feedbackPort;

  std::uint64_t multicastBytes = 0;
  std::uint64_t reportsAccepted = 0;
  std::uint64_t reportsRefused = 0;
  bool unreachable = false;
  Time published = 0;

  std::atomic<bool> stopped{false};
  std::atomic<std::uint64_t> newRate{rateUnchanged};
  mutable std::mutex mutex;
  CasterStatistics snapshot; // under the mutex
  std::vector<std::pair<std::uint32_t, bool>> moves; // under the mutex: receivers to move or take back
  Finished finished;
  std::thread thread;
};

Caster::State::State(const CasterOptions& options, Finished whenFinished)
    : session(options.session), start(options.start), stream(options.stream),
      group{addressOf(options.group), options.port}, interfaceAddress(options.interfaceAddress),
      layout(parseManifest(options.manifest).contentBytes, symbolBytesOf(options.mtu)),
      source(options.contentPath, layout), maker({stream, session, start, options.encrypted}, options.sessionKey, source, layout),
      keys(options.feedbackSecret, session), sender(senderConfig(options), layout, clock->now_us()),
      socket(openSocket(options)),
      server(openServer(options, layout.contentBytes())),
      feedbackPort(socket->local().port), finished(std::move(whenFinished)) {
  publish(true);
  thread = std::thread([this] { run(); });
}

Caster::State::~State() {
  stopped.store(true);
  wakeup->notify();
  thread.join();
}

void Caster::State::run() {
  try {
    cast();
    publish(true);
    finished(nullptr);
  } catch (const EngineError& error) {
    finished(&error);
  } catch (const PortError& error) {
    const bool tooLong = std::system_category().equivalent(error.systemError, std::errc::message_size);
    const char* what = tooLong ? " does not take datagrams of this MTU" : " failed";
    const EngineError failure = fromPort(code::socket, "the sender's socket on " + interfaceAddress + what, error);
    finished(&failure);
  } catch (const std::bad_alloc&) {
    const EngineError failure(code::outOfMemory, "no memory to go on sending");
    finished(&failure);
  }
}

void Caster::State::cast() {
  std::array<Emission, DatagramMaker::batch> orders;
  ThreadPriority priority;
  Idleness idleness(clock->now_us());
  bool preferred = false;
  while (!stopped.load()) {
    wakeup->clear();
    if (const std::uint64_t rate = newRate.exchange(rateUnchanged); rate != rateUnchanged) sender.setRate(rate);
    takeMoves();
    takeReports();
    const Time now = clock->now_us();
    const std::size_t count = unreachable ? 0 : sender.next(now, orders);
    if (count > 0) transmit({orders.data(), count});
    publish(false);
    // What the pacing has left over is not worth a call of its own: the machine says when there is a burst again.
    // A link that is down is tried again after a while, whatever the machine would like to send.
    const Time after = clock->now_us();
    const Time due = unreachable ? after + unreachablePause_us : sender.wakeup();
    unreachable = false;
    Time waited = 0;
    if (due > after) {
      const Time most = std::clamp(due - after, waitLeast_us, waitMost_us);
      socket->wait(*wakeup, most);
      waited = std::min(most, clock->now_us() - after); // what it was late, it did not wait
    }
    idleness.turn(after + waited, waited);
    if (std::exchange(preferred, idleness.idle()) != preferred) priority.prefer(preferred);
  }
}

// Data in bursts, in the order of the counters, an announcement between them where the machine wants one.
void Caster::State::transmit(std::span<const Emission> orders) {
  maker.make(orders);
  std::size_t first = 0;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    if (!orders[i].announce) continue;
    sendBurst(orders, first, i - first);
    Announce announce = sender.announce();
    announce.senderTime_us = clock->now_us(); // when it leaves: what this machine was late is not the network's delay
    const std::span<const std::uint8_t> datagram = maker.announce(orders[i].counter, announce);
    send(datagram.data(), 1, datagram.size());
    first = i + 1;
  }
  sendBurst(orders, first, orders.size() - first);
}

void Caster::State::sendBurst(std::span<const Emission> orders, std::size_t first, std::size_t count) {
  assert(first + count <= orders.size());
  const std::size_t most = std::min<std::size_t>(limits::burstDatagrams, 65'000 / maker.dataBytes());
  while (count > 0) {
    const std::size_t burst = std::min(most, count);
    send(maker.data(first), burst, maker.dataBytes());
    first += burst;
    count -= burst;
  }
}

void Caster::State::send(const std::uint8_t* datagrams, std::size_t count, std::size_t length) {
  if (unreachable) return; // the rest of the batch is lost too; receivers ask for it again
  if (socket->send(datagrams, count, length, group) == SendOutcome::unreachable) unreachable = true;
  else multicastBytes += count * length;
}

void Caster::State::takeMoves() {
  const std::lock_guard lock(mutex);
  for (const auto& [receiver, moved] : moves) sender.setMoved(receiver, moved);
  moves.clear();
}

void Caster::State::takeReports() {
  for (const Arrival& arrival : socket->receive()) {
    for (std::uint32_t at = 0; at < arrival.length; at += arrival.datagramBytes)
      takeReport({arrival.bytes + at, std::min(arrival.datagramBytes, arrival.length - at)});
  }
}

void Caster::State::takeReport(std::span<const std::uint8_t> datagram) {
  const std::optional<Header> header = readHeader(datagram);
  const bool ours = header && header->type == DatagramType::report && header->session == session &&
                    header->stream == stream && header->start <= start &&
                    datagram.size() >= limits::headerBytes + limits::tagBytes;
  if (!ours || !keys.accept(header->subject, header->counter, datagram.first(datagram.size() - limits::tagBytes),
                            datagram.last<limits::tagBytes>())) {
    ++reportsRefused;
    return;
  }
  std::optional<Report> report = readReport(*header, datagram);
  if (!report) {
    ++reportsRefused;
    return;
  }
  // A receiver that has not heard this start yet has received nothing of it.
  if (header->start != start) report->highestCounter = 0;
  ++reportsAccepted;
  sender.onReport(*report, clock->now_us());
}

void Caster::State::publish(bool force) {
  const Time now = clock->now_us();
  if (!force && now - published < statisticsInterval_us) return;
  published = now;
  const SenderStatistics machine = sender.statistics();
  const std::lock_guard lock(mutex);
  snapshot.dataDatagrams = machine.dataDatagrams;
  snapshot.announceDatagrams = machine.announceDatagrams;
  snapshot.paritySymbols = machine.paritySymbols;
  snapshot.sourceSymbols = machine.sourceSymbols;
  snapshot.reports = reportsAccepted;
  snapshot.reportsRefused = reportsRefused + machine.reportsIgnored;
  snapshot.receivers = machine.receivers;
  snapshot.blocksPending = machine.blocksPending;
  snapshot.rateBytesPerSecond = machine.rateBytesPerSecond;
  snapshot.multicastBytes = multicastBytes;
  snapshot.idle = sender.idle();
  snapshot.limit = machine.limit;
  snapshot.limitingReceiver = machine.limitingReceiver;
  snapshot.overBudget = sender.overBudget();
}

Caster::Caster(const CasterOptions& options, Finished finished) {
  try {
    state_ = guardMemory([&] { return std::make_unique<State>(options, std::move(finished)); });
  } catch (const PortError& error) {
    throw fromPort(code::socket, "the sender cannot be started", error);
  }
}
Caster::~Caster() = default;

std::uint16_t Caster::feedbackPort() const { return state_->feedbackPort; }
std::uint16_t Caster::unicastPort() const { return state_->server ? state_->server->port() : 0; }

CasterStatistics Caster::statistics() const {
  const std::lock_guard lock(state_->mutex);
  CasterStatistics statistics = state_->snapshot;
  if (state_->server) statistics.unicastBytes = state_->server->bytesServed();
  return statistics;
}

void Caster::setRate(std::uint64_t rateBytesPerSecond) {
  state_->newRate.store(rateBytesPerSecond);
  state_->wakeup->notify();
}

void Caster::setMoved(std::uint32_t receiver, bool moved) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->moves.emplace_back(receiver, moved);
  }
  state_->wakeup->notify();
}

void Caster::stop() {
  state_->stopped.store(true);
  state_->wakeup->notify();
}

} // namespace volley
