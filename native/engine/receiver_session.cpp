// The threads of a session and who owns what:
//   main     the Receiver machine and all that belongs to it (SessionMachine), both sockets. It receives,
//            authenticates, puts symbols into slots, and hands out work.
//   workers  rebuild blocks, unpack and check chunks, compare what was read back (ChunkWorkers).
//   writer   the disk's queue of writes and read-backs, at the end the boot chunks (DiskWriter).
//   scanner  reads what the disk holds, zeroes holes (DiskScanner).
//   fetcher  unicast (ChunkFetcher).
// The others never touch the machine: they post events into the inbox, which wakes the main thread. A slot belongs to
// a worker from the moment a job names it until the event that answers the job; a chunk buffer to whoever holds it.
#include "engine/receiver_session.h"
#include "engine/boot_chunks.h"
#include "engine/chunk_fetcher.h"
#include "engine/disk_scanner.h"
#include "engine/disk_writer.h"
#include "engine/parse_options.h"
#include "engine/session_machine.h"
#include "engine/session_thread.h"
#include "port/clock.h"
#include <algorithm>
#include <mutex>
#include <thread>

namespace volley {
namespace {

constexpr Time waitMost_us = 250'000;
constexpr std::size_t gatherBytes = 256 * 1024; // less than this at a time is not worth a wake-up
// How long it waits for that: at 10 Gbit/s the least is a tenth of the smallest buffer with which it waits at all.
constexpr Time gatherLeast_us = 300;
constexpr Time gatherMost_us = 4000;
constexpr Time backlogInterval_us = 10'000;
constexpr Time holdMost_us = 20'000;
constexpr std::uint32_t fullBacklog_us = 200'000;
constexpr Time statisticsInterval_us = 20'000;
constexpr Time joinInterval_us = 5'000'000;
constexpr Time leaveMost_us = 200'000; // for the report that says that nothing more is needed

std::unique_ptr<BlockDevice> openDevice(const ReceiverSessionOptions& options, const ImageFacts& image) {
  if (!options.device) return nullptr;
  try {
    std::unique_ptr<BlockDevice> device = options.openDevice(*options.device);
    if (device->sizeBytes() >= image.manifest().imageBytes) return device;
    throw EngineError(code::deviceTooSmall, "the disk has " + std::to_string(device->sizeBytes()) +
                                                " bytes, the image " + std::to_string(image.manifest().imageBytes))
        .on(*options.device);
  } catch (const DeviceError& error) {
    throw fromDevice(error);
  }
}

std::size_t bytesOf(std::span<const Arrival> arrivals) {
  std::size_t bytes = 0;
  for (const Arrival& arrival : arrivals) bytes += arrival.length;
  return bytes;
}

// Every backlogInterval_us: halves in two thirds of a second.
void keepPeak(std::uint32_t& peak, std::uint32_t now) { peak = std::max(now, peak - peak / 100 - (peak > 0)); }

std::uint32_t workerThreads() {
  return std::clamp(std::thread::hardware_concurrency() / 2 + 1, 1u, limits::workerThreadsMax);
}

} // namespace

struct ReceiverSession::State {
  State(const ReceiverSessionOptions& sessionOptions, Finished whenFinished);
  ~State();

  void run();
  void receive();
  void loop();
  void tryJoin(Time now);
  void takeEvents(Time now);
  void gather(std::size_t arrived);
  bool holdBack();
  void noteBacklog(std::span<const Arrival> arrivals, Time now);
  void endThreads();
  void publish(Time now, bool force);
  std::optional<EngineError> failure();
  Endpoint feedback() const { return {addressOf(options.feedback.address), options.feedback.port}; }

  const ReceiverSessionOptions options;
  const ImageFacts image;
  std::unique_ptr<Clock> clock = makeMonotonicClock();
  std::unique_ptr<Wakeup> wakeup = makeWakeup();
  SessionInbox inbox{*wakeup};
  BufferPool pool{limits::chunkBuffers, limits::chunkBytes};
  std::unique_ptr<BlockDevice> device;
  std::unique_ptr<BootChunks> boot;
  ClaimedChunks claimed;
  SessionMachine machine;
  const GroupSocketOptions group;
  const Endpoint reportsTo;
  std::unique_ptr<DatagramSocket> groupSocket; // null while the group cannot be joined
  std::unique_ptr<DatagramSocket> reportSocket;
  std::unique_ptr<ChunkWorkers> workers;
  std::unique_ptr<DiskWriter> writer;
  std::unique_ptr<DiskScanner> scanner;
  std::unique_ptr<ChunkFetcher> fetcher;

  std::vector<SessionEvent> events;
  std::uint64_t bufferBytes = 0;
  bool direct = false;
  ReceiverPhase phase = ReceiverPhase::preparing;
  Time joinAt = 0, backlogAt = 0, publishedAt = 0;
  Time crowdedSince = never;
  Time gather_us = gatherLeast_us;
  std::uint32_t processorBacklog = 0, diskBacklog = 0; // per thousand, peaks that fade
  std::uint32_t latest_us = 0; // the longest that a datagram waited lately

  mutable std::mutex mutex;
  ReceiverSessionStatistics snapshot; // under the mutex
  Finished finished;
  std::thread thread;
};

ReceiverSession::State::State(const ReceiverSessionOptions& sessionOptions, Finished whenFinished)
    : options(sessionOptions), image(parseManifest(options.manifest), symbolBytesOf(options.mtu)),
      device(openDevice(options, image)), boot(device ? std::make_unique<BootChunks>(image, *device) : nullptr),
      claimed(image.chunks()),
      machine(options, image, boot ? boot->numbers() : std::vector<std::uint32_t>(), claimed, clock->now_us()),
      group{{addressOf(options.group), options.port}, addressOf(options.interfaceAddress)}, reportsTo(feedback()),
      finished(std::move(whenFinished)) {
  try {
    reportSocket = openReportSocket(group.interfaceAddress);
  } catch (const PortError& error) {
    throw fromPort(code::socket, "no socket can be opened on " + options.interfaceAddress, error);
  }
  tryJoin(clock->now_us());
  workers = std::make_unique<ChunkWorkers>(image, pool, inbox, workerThreads(), [this](ChunkJob job) {
    if (device && !boot->contains(job.chunk)) return writer->write(std::move(job));
    if (device) boot->keep(job.chunk, {job.buffer.data(), image.bytes(job.chunk)});
    inbox.post({SessionEvent::Kind::chunkGood, job.chunk, job.source});
  });
  bufferBytes = pool.totalBytes() + machine.bufferBytes() + workers->bufferBytes();
  if (groupSocket) bufferBytes += groupSocket->bufferBytes();
  if (device) {
    direct = device->bypassesCache();
    bufferBytes += boot->bufferBytes() + std::uint64_t{limits::scanReadsInFlight} * limits::chunkBytes;
  } else {
    machine.withoutDisk();
  }
  publish(clock->now_us(), true);
  thread = std::thread([this] { run(); });
}

ReceiverSession::State::~State() {
  inbox.stop();
  if (thread.joinable()) thread.join();
}

// Where the group cannot be joined there may still be unicast; it is tried again from time to time.
void ReceiverSession::State::tryJoin(Time now) {
  joinAt = now + joinInterval_us;
  try {
    groupSocket = joinGroup(group);
  } catch (const PortError& error) {
    if (!options.unicast) throw fromPort(code::groupJoin, "the group " + options.group + " cannot be joined", error);
  }
}

void ReceiverSession::State::run() {
  runSessionThread(inbox, [this] { receive(); });
  inbox.stop();
  endThreads();
  device.reset();
  const std::optional<EngineError> error = failure();
  phase = error ? ReceiverPhase::failed : ReceiverPhase::done;
  publish(clock->now_us(), true);
  finished(error ? &*error : nullptr);
}

std::optional<EngineError> ReceiverSession::State::failure() {
  if (std::optional<EngineError> error = inbox.error()) return error;
  if (machine.complete() && machine.diskFinished()) return std::nullopt;
  return EngineError(code::cancelled, "the deployment was cancelled");
}

// Starts the threads that need the device or the network, which may refuse.
void ReceiverSession::State::receive() {
  if (options.unicast) {
    const Endpoint server{addressOf(options.unicast->address), options.unicast->port};
    auto client = std::make_unique<ContentClient>(
        server, options.unicast->address + ":" + std::to_string(options.unicast->port), options.receiver,
        options.receiverKey, options.encrypted);
    fetcher = std::make_unique<ChunkFetcher>(
        image, pool, inbox, std::move(client), [this](ChunkJob job) { workers->checkStored(std::move(job)); },
        [this] { workers->bufferReturned(); });
  }
  if (device) {
    writer = std::make_unique<DiskWriter>(image, *device, *boot, pool, inbox,
                                          [this](ChunkJob job) { workers->checkReadBack(std::move(job)); });
    const auto order = options.askBeforeScan ? DiskScanner::Order::downwards : DiskScanner::Order::upwards;
    scanner = std::make_unique<DiskScanner>(image, *device, *boot, *writer, claimed, inbox, order);
  }
  loop();
}

void ReceiverSession::State::loop() {
  Time completedAt = never;
  while (!inbox.stopped()) {
    wakeup->clear();
    std::span<const Arrival> arrivals;
    const bool holding = holdBack();
    if (groupSocket && !holding) arrivals = groupSocket->receive();
    // After they arrived: a time before that would make the way here look shorter than it ever is.
    const Time now = clock->now_us();
    if (!groupSocket && now >= joinAt) tryJoin(now);
    machine.onArrivals(arrivals, now);
    machine.handOut(*workers, fetcher.get(), now);
    takeEvents(now);
    machine.handOut(*workers, fetcher.get(), now);
    if (groupSocket && !holding) noteBacklog(arrivals, now);
    machine.report(*reportSocket, reportsTo, now);
    if (machine.complete() && completedAt == never) {
      completedAt = now;
      phase = ReceiverPhase::finishing;
      if (writer) writer->finish();
    } else if (phase == ReceiverPhase::preparing && machine.prepared()) {
      phase = ReceiverPhase::receiving;
    }
    publish(now, false);
    if (completedAt != never && machine.diskFinished() &&
        (machine.wakeup() == never || now - completedAt >= leaveMost_us))
      return;
    if (!arrivals.empty()) {
      gather(bytesOf(arrivals));
      continue;
    }
    const Time due = std::min(machine.wakeup(), now + (holding ? holdMost_us : waitMost_us));
    if (due > now) (groupSocket && !holding ? groupSocket : reportSocket)->wait(*wakeup, due - now);
  }
}

// Waits for more where little came, the longer the less comes in that time, so that the calls and wake-ups for a byte
// are as many in a slow session as in a fast one.
void ReceiverSession::State::gather(std::size_t arrived) {
  if (arrived >= gatherBytes) {
    gather_us = std::max(gatherLeast_us, gather_us / 2);
    return;
  }
  if (arrived < gatherBytes / 2) gather_us = std::min(gatherMost_us, gather_us * 2);
  groupSocket->gather(gather_us);
}

// While the workers are behind by all the slots there are, what comes is better left to the system's buffer than to
// push out what came before; but only for a while: with a disk that is always slower the sender has to be told.
bool ReceiverSession::State::holdBack() {
  const Time now = clock->now_us();
  if (!machine.crowded()) crowdedSince = never;
  else if (crowdedSince == never) crowdedSince = now;
  return crowdedSince != never && now - crowdedSince < holdMost_us;
}

// How far this computer is behind: how full the socket's buffer is, or for how long what it holds has been waiting.
void ReceiverSession::State::noteBacklog(std::span<const Arrival> arrivals, Time now) {
  if (!arrivals.empty()) latest_us = std::max(latest_us, arrivals.front().age_us);
  if (now < backlogAt) return;
  const std::uint32_t late = std::min<std::uint32_t>(1000, latest_us / (fullBacklog_us / 1000));
  const std::uint32_t backlog = std::max(groupSocket->backlogPerThousand(), late);
  machine.setBacklog(backlog);
  const std::size_t waiting = writer ? writer->waitingOrActive() : 0;
  keepPeak(processorBacklog, backlog);
  keepPeak(diskBacklog, static_cast<std::uint32_t>(waiting * 1000 / limits::chunkBuffers));
  backlogAt = now + backlogInterval_us;
  latest_us = 0;
}

void ReceiverSession::State::takeEvents(Time now) {
  inbox.take(events);
  for (const SessionEvent& event : events) machine.onEvent(event, options.device.value_or(""), now);
}

// In the order in which they feed each other; whoever is fed by one that has ended only keeps what it was given.
void ReceiverSession::State::endThreads() {
  pool.stop();
  fetcher.reset();
  scanner.reset();
  workers->end();
  writer.reset();
  workers.reset();
}

void ReceiverSession::State::publish(Time now, bool force) {
  if (!force && now - publishedAt < statisticsInterval_us) return;
  publishedAt = now;
  const std::lock_guard lock(mutex);
  machine.fill(snapshot);
  snapshot.phase = phase;
  snapshot.processorBacklogPerThousand = processorBacklog;
  snapshot.diskBacklogPerThousand = diskBacklog;
  snapshot.bufferBytes = bufferBytes;
  snapshot.direct = direct;
}

ReceiverSession::ReceiverSession(const ReceiverSessionOptions& options, Finished finished) {
  try {
    state_ = guardMemory([&] { return std::make_unique<State>(options, std::move(finished)); });
  } catch (const PortError& error) {
    throw fromPort(code::socket, "the receiver cannot be started", error);
  }
}
ReceiverSession::~ReceiverSession() = default;

ReceiverSessionStatistics ReceiverSession::statistics() const {
  const std::lock_guard lock(state_->mutex);
  return state_->snapshot;
}

void ReceiverSession::cancel() { state_->inbox.stop(); }

} // namespace volley
