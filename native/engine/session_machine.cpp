#include "engine/session_machine.h"
#include "engine/parse_options.h"
#include <algorithm>
#include <cassert>
#include <cstring>
#include <random>

namespace volley {
namespace {

constexpr std::size_t alignment = 4096;

std::size_t slotBytesOf(const ImageFacts& image) {
  return std::size_t{limits::symbolsPerBlock} * image.layout().blocks().symbolBytes();
}

std::uint32_t slotCountOf(const ImageFacts& image) {
  const std::size_t fit = limits::receiverSlotBytes / slotBytesOf(image);
  // With a slot for each block of a small image there is never one too few.
  const std::size_t useful = std::size_t{image.layout().blocks().blocks()} + limits::interleavedBlocks;
  return static_cast<std::uint32_t>(
      std::clamp<std::size_t>(std::min(fit, useful), limits::receiverSlotsMin, limits::receiverSlotsDefault));
}

std::size_t roundUp(std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

ReceiverConfig configOf(const ReceiverSessionOptions& options, std::uint32_t slots) {
  ReceiverConfig config{};
  config.receiver = options.receiver;
  config.slots = slots;
  config.groupSize = options.groupSize;
  // Without a disk nothing would ever be found lacking.
  config.askBeforeScan = options.askBeforeScan || !options.device;
  config.silence_us = Time{options.silence_ms} * 1000;
  config.chunkWait_us = Time{options.chunkWait_ms} * 1000;
  config.unicast = options.unicast.has_value();
  config.seed = std::random_device{}() | std::uint64_t{std::random_device{}()} << 32;
  return config;
}

} // namespace

SessionMachine::SessionMachine(const ReceiverSessionOptions& options, const ImageFacts& image,
                               std::vector<std::uint32_t> bootChunks, ClaimedChunks& claimed, Time now)
    : image_(image), bootChunks_(std::move(bootChunks)), claimed_(claimed), stream_(options.stream),
      session_(options.session), slotBytes_(slotBytesOf(image)), slotCount_(slotCountOf(image)),
      slots_(roundUp(slotBytes_ * slotCount_), alignment),
      machine_(configOf(options, slotCount_), image.layout(), now),
      encrypted_(options.encrypted),
      filter_({options.sessionKey, options.session, options.stream, symbolBytesOf(options.mtu), options.encrypted,
               options.lossPerMillion, options.lossSeed},
              [this](const Header& header, std::span<const std::uint8_t> datagram, std::uint32_t age_us) {
                onDatagram(header, datagram, age_us);
              }),
      reportAuthenticator_(options.receiverKey) {
  whole_.reserve(slotCount_);
  for (std::uint32_t chunk = 0; chunk < image.chunks(); ++chunk) holes_ += image.hole(chunk);
}

void SessionMachine::withoutDisk() {
  prepared_ = true;
  diskFinished_ = true;
  holesZero_ = holes_;
  for (std::uint32_t chunk = 0; chunk < image_.chunks(); ++chunk)
    if (image_.hole(chunk)) bytesVerified_ += image_.bytes(chunk);
}

void SessionMachine::onDatagram(const Header& header, std::span<const std::uint8_t> datagram, std::uint32_t age_us) {
  // Delay and rate that the machine reports are the network's; what this computer is late is told by the backlog.
  arrivedAt_ = std::max(arrivedAt_, now_ - std::min<Time>(now_, age_us));
  if (header.type == DatagramType::announce) {
    if (const std::optional<Announce> announce = readAnnounce(header, datagram))
      machine_.onAnnounce(header, *announce, arrivedAt_);
    return;
  }
  if (header.subject >= image_.layout().blocks().blocks() || header.a >= limits::symbolNumbers) return;
  const Placed placed = machine_.onData(header, arrivedAt_);
  if (placed.placement != Placement::store) return;
  const std::size_t symbolBytes = image_.layout().blocks().symbolBytes();
  const std::uint8_t* symbol = datagram.data() + limits::headerBytes;
  std::uint8_t* place = slot(placed.slot) + machine_.place() * symbolBytes;
  // What is not stored need not be decrypted.
  if (encrypted_) chacha20::apply(filter_.payloadKey(), header.counter, 0, symbol, place, symbolBytes);
  else std::memcpy(place, symbol, symbolBytes);
  if (placed.decodable) whole_.push_back(header.subject);
}

void SessionMachine::handOut(ChunkWorkers& workers, ChunkFetcher* fetcher, Time now) {
  for (const std::uint32_t block : whole_) {
    const DecodableBlock decodable = machine_.decodable(block);
    bool inOrder = true;
    BlockJob job{block, slot(decodable.slot), static_cast<std::uint32_t>(decodable.placeSymbols.size()), {}};
    for (std::uint32_t place = 0; place < job.symbols; ++place) {
      job.placeSymbols[place] = static_cast<std::uint8_t>(decodable.placeSymbols[place]);
      inOrder = inOrder && decodable.placeSymbols[place] == place;
    }
    if (inOrder) machine_.onBlockDecoded(block);
    else workers.rebuild(job);
  }
  whole_.clear();
  while (const std::optional<ReadyChunk> ready = machine_.nextReady()) {
    GatherJob job{ready->chunk, ready->firstBlock, {}};
    for (std::uint32_t block = ready->firstBlock; block <= ready->lastBlock; ++block)
      job.slots.push_back(slot(machine_.slotOf(block)));
    claimed_.set(ready->chunk, true);
    ++gathering_;
    workers.gather(std::move(job));
  }
  if (!fetcher) return;
  std::array<std::uint32_t, limits::unicastRangeChunks> chunks;
  const std::uint32_t room = fetcher->room();
  const std::size_t count = room > 0 ? machine_.nextUnicast(now, {chunks.data(), room}) : 0;
  if (count == 0) return;
  for (std::size_t i = 0; i < count; ++i) claimed_.set(chunks[i], true);
  fetcher->fetch({chunks.data(), count});
}

bool SessionMachine::crowded() const {
  return gathering_ >= limits::interleavedBlocks &&
         machine_.statistics().slotsUsed + 2 * limits::interleavedBlocks >= slotCount_;
}

void SessionMachine::report(DatagramSocket& socket, const Endpoint& feedback, Time now) {
  const std::optional<Report> report = machine_.nextReport(now);
  if (!report) return;
  const auto flags = static_cast<std::uint16_t>((report->status ? 1 : 0) | (report->leaving ? 2 : 0));
  writeReport({DatagramType::report, stream_, session_, filter_.start(), ++reportCounter_, report->receiver,
               static_cast<std::uint16_t>(report->runs.size()), flags},
              *report, reportBytes_);
  const std::size_t length = reportBytes_.size();
  reportBytes_.resize(length + limits::tagBytes);
  std::uint8_t* datagram = reportBytes_.data();
  reportAuthenticator_.sign({&datagram, 1}, length);
  // One that cannot be sent is lost like one on the way: the machine asks again.
  socket.send(reportBytes_.data(), 1, reportBytes_.size(), feedback);
}

bool SessionMachine::isBoot(std::uint32_t chunk) const {
  return std::ranges::find(bootChunks_, chunk) != bootChunks_.end();
}

void SessionMachine::done(const SessionEvent& event, bool good, Time now) {
  if (!good) claimed_.set(event.number, false);
  if (event.source == ChunkSource::multicast) --gathering_;
  machine_.onChunkDone(event.number, good, now);
}

void SessionMachine::onEvent(const SessionEvent& event, const std::string& device, Time now) {
  using Kind = SessionEvent::Kind;
  switch (event.kind) {
    case Kind::blockDecoded: return machine_.onBlockDecoded(event.number);
    case Kind::chunkGood: return onGood(event, now);
    case Kind::chunkRefused: return onRefused(event, now);
    case Kind::chunkMismatched: return onMismatched(event, device, now);
    case Kind::chunkReturned: return done(event, false, now);
    case Kind::scannedSame:
    case Kind::scannedOther: return onScanned(event, now);
    case Kind::holeZero:
      ++holesZero_;
      bytesVerified_ += image_.bytes(event.number);
      return;
    case Kind::prepared: prepared_ = true; return;
    case Kind::scanEnded: return;
    case Kind::diskFinished:
      diskFinished_ = true;
      for (const std::uint32_t chunk : bootChunks_) bytesVerified_ += image_.bytes(chunk);
      return;
  }
}

void SessionMachine::onGood(const SessionEvent& event, Time now) {
  const std::uint32_t stored = image_.layout().storedBytes(event.number);
  if (event.source == ChunkSource::multicast) {
    ++chunksByMulticast_;
    multicastBytes_ += stored;
  } else {
    ++chunksByUnicast_;
    unicastBytes_ += stored;
  }
  if (!isBoot(event.number)) bytesVerified_ += image_.bytes(event.number);
  done(event, true, now);
}

void SessionMachine::onRefused(const SessionEvent& event, Time now) {
  Trouble& trouble = troubles_[event.number];
  const bool unicast = event.source == ChunkSource::unicast;
  const std::uint32_t refusals = ++(unicast ? trouble.unicastRefusals : trouble.multicastRefusals);
  if (refusals >= (unicast ? limits::unicastRefusals : limits::multicastRefusals)) {
    throw EngineError(code::contentCorrupt, unicast
                          ? "the site's stored content is not what the manifest says"
                          : "multicast keeps bringing content that is not what the manifest says")
        .inChunk(event.number);
  }
  done(event, false, now);
}

void SessionMachine::onMismatched(const SessionEvent& event, const std::string& device, Time now) {
  if (++troubles_[event.number].mismatches > limits::chunkRewrites) {
    throw EngineError(code::deviceMismatch, "the disk gives other bytes than were written")
        .on(device, static_cast<std::int64_t>(image_.offset(event.number)))
        .inChunk(event.number);
  }
  ++chunksRewritten_;
  done(event, false, now);
}

// What was scanned before the chunk arrived says nothing about what has been written since.
void SessionMachine::onScanned(const SessionEvent& event, Time now) {
  const ChunkState state = machine_.state(event.number);
  if (state == ChunkState::working || state == ChunkState::present) return;
  const bool same = event.kind == SessionEvent::Kind::scannedSame;
  if (same) {
    claimed_.set(event.number, true);
    ++chunksFound_;
    if (!isBoot(event.number)) bytesVerified_ += image_.bytes(event.number);
  }
  machine_.onScanned(event.number, same, now);
}

void SessionMachine::fill(ReceiverSessionStatistics& statistics) const {
  const ReceiverStatistics machine = machine_.statistics();
  statistics.chunksTotal = image_.chunks();
  statistics.chunksPresent = chunksFound_ + chunksByMulticast_ + chunksByUnicast_ + holesZero_;
  statistics.chunksFound = chunksFound_;
  statistics.chunksByMulticast = chunksByMulticast_;
  statistics.chunksByUnicast = chunksByUnicast_;
  statistics.bytesVerified = bytesVerified_;
  statistics.bytesTotal = image_.manifest().imageBytes;
  statistics.multicastBytes = multicastBytes_;
  statistics.unicastBytes = unicastBytes_;
  statistics.repairedSymbols = machine.repairedSymbols;
  statistics.lostDatagrams = machine.lostDatagrams;
  statistics.refusedDatagrams = filter_.refused();
  statistics.chunksRewritten = chunksRewritten_;
  statistics.multicastAlive = machine.multicastAlive;
  statistics.moved = machine.moved;
}

} // namespace volley
