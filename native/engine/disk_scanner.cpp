#include "engine/disk_scanner.h"
#include "engine/session_thread.h"
#include <algorithm>
#include <array>
#include <cassert>

namespace volley {
namespace {

// How soon a stop, or the end of writing, is noticed.
constexpr int completionWait_ms = 20;

} // namespace

DiskScanner::DiskScanner(const ImageFacts& image, BlockDevice& device, BootChunks& boot, const DiskWriter& writer,
                         const ClaimedChunks& claimed, SessionInbox& inbox, Order order)
    : image_(image), device_(device), boot_(boot), writer_(writer), claimed_(claimed), inbox_(inbox), order_(order),
      pool_(limits::scanReadsInFlight, limits::chunkBytes), queue_(device.makeQueue(limits::scanReadsInFlight)),
      places_(limits::scanReadsInFlight) {
  thread_ = std::thread([this] { runSessionThread(inbox_, [this] { run(); }); });
}

DiskScanner::~DiskScanner() {
  assert(inbox_.stopped());
  thread_.join();
  queue_.reset(); // before the buffers of what is in flight go
  places_.clear();
}

void DiskScanner::run() {
  boot_.inspect([this](std::uint32_t chunk, bool same) {
    inbox_.post({same ? SessionEvent::Kind::scannedSame : SessionEvent::Kind::scannedOther, chunk});
  });
  inbox_.post({SessionEvent::Kind::prepared});
  std::array<DeviceCompletion, limits::scanReadsInFlight> completions;
  while (!inbox_.stopped()) {
    const std::uint32_t most = writer_.busy() ? limits::scanReadsBeside : limits::scanReadsInFlight;
    Look look{};
    while (queue_->inFlight() < most && next(look)) submit(look);
    if (queue_->inFlight() == 0) {
      inbox_.post({SessionEvent::Kind::scanEnded});
      return;
    }
    const std::size_t count = queue_->complete(completions, completionWait_ms);
    for (std::size_t i = 0; i < count; ++i) onCompletion(completions[i]);
  }
}

bool DiskScanner::next(Look& look) {
  if (!again_.empty()) {
    look = again_.back();
    again_.pop_back();
    return true;
  }
  while (passed_ < image_.chunks()) {
    const std::uint32_t chunk = order_ == Order::upwards ? passed_ : image_.chunks() - 1 - passed_;
    ++passed_;
    if (boot_.contains(chunk) || claimed_.get(chunk)) continue;
    look = {chunk, 0};
    return true;
  }
  return false;
}

void DiskScanner::submit(const Look& look) {
  const auto place = std::ranges::find_if(places_, [](const Place& one) { return !one.buffer; });
  place->buffer = pool_.tryAcquire();
  place->look = look;
  const bool accepted =
      queue_->submit({DeviceAction::readBack, image_.offset(look.chunk), place->buffer.data(),
                      image_.bytes(look.chunk), static_cast<std::uint64_t>(place - places_.begin())});
  assert(accepted); // there are as many places as operations may be in flight
  static_cast<void>(accepted);
}

// What cannot be read counts as something else: writing may well mend it.
void DiskScanner::onCompletion(const DeviceCompletion& completion) {
  Place& place = places_[static_cast<std::size_t>(completion.operation.userData)];
  const PooledBuffer buffer = std::move(place.buffer);
  const Look look = place.look;
  const std::span<const std::uint8_t> bytes{buffer.data(), image_.bytes(look.chunk)};
  if (image_.hole(look.chunk)) {
    if (completion.failed() && look.attempt > limits::chunkRewrites) throw fromDevice(device_, completion).inChunk(look.chunk);
    return onHole(look, !completion.failed() && allZero(bytes));
  }
  if (claimed_.get(look.chunk)) return;
  const bool same = !completion.failed() && image_.matches(look.chunk, bytes);
  inbox_.post({same ? SessionEvent::Kind::scannedSame : SessionEvent::Kind::scannedOther, look.chunk});
}

void DiskScanner::onHole(const Look& look, bool zero) {
  if (zero) return inbox_.post({SessionEvent::Kind::holeZero, look.chunk});
  if (look.attempt > limits::chunkRewrites) {
    throw EngineError(code::deviceMismatch, "the disk does not give zeros where they were written")
        .on(device_.path(), static_cast<std::int64_t>(image_.offset(look.chunk)))
        .inChunk(look.chunk);
  }
  // It may have been read before the run it belongs to was zeroed.
  const bool inRun = look.chunk >= zeroedFirst_ && look.chunk < zeroedEnd_;
  if (look.attempt > 0) this->zero(look.chunk, look.chunk + 1);
  else if (!inRun) zeroHoles(look.chunk);
  again_.push_back({look.chunk, look.attempt + 1});
}

// The holes that the scan comes to next are most likely full of something else too.
void DiskScanner::zeroHoles(std::uint32_t chunk) {
  constexpr auto most = static_cast<std::uint32_t>(limits::zeroRunBytes / limits::chunkBytes);
  std::uint32_t first = chunk, end = chunk + 1;
  if (order_ == Order::upwards)
    while (end < image_.chunks() && end - first < most && image_.hole(end)) ++end;
  else
    while (first > 0 && end - first < most && image_.hole(first - 1)) --first;
  zero(first, end);
  zeroedFirst_ = first;
  zeroedEnd_ = end;
}

void DiskScanner::zero(std::uint32_t first, std::uint32_t end) {
  boot_.clearBeforeWriting();
  std::uint64_t at = image_.offset(first);
  const std::uint64_t last = image_.offset(end - 1) + image_.bytes(end - 1);
  while (at < last && !inbox_.stopped()) {
    const std::uint64_t piece = std::min(limits::zeroPieceBytes, last - at);
    device_.zeroRange(at, piece);
    at += piece;
  }
}

} // namespace volley
