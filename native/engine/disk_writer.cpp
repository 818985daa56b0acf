#include "engine/disk_writer.h"
#include "engine/session_thread.h"
#include <algorithm>
#include <array>
#include <cassert>

namespace volley {
namespace {

// How soon a chunk that is handed over is seen while others are in flight.
constexpr int completionWait_ms = 1;
constexpr std::size_t sectorBytes = 512;

// So that a read that transfers nothing, or less than it says, cannot pass for one that gave the right bytes.
void spoil(std::uint8_t* bytes, std::size_t length) {
  for (std::size_t at = 0; at < length; at += sectorBytes) bytes[at] ^= 0xff;
}

} // namespace

DiskWriter::DiskWriter(const ImageFacts& image, BlockDevice& device, BootChunks& boot, BufferPool& pool,
                       SessionInbox& inbox, ReadBack readBack)
    : image_(image), device_(device), boot_(boot), pool_(pool), inbox_(inbox), readBack_(std::move(readBack)),
      queue_(device.makeQueue(limits::writesInFlight)), active_(limits::writesInFlight) {
  thread_ = std::thread([this] { runSessionThread(inbox_, [this] { run(); }); });
}

DiskWriter::~DiskWriter() {
  stop();
  thread_.join();
  queue_.reset(); // before the buffers of what is in flight go
}

void DiskWriter::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_one();
}

void DiskWriter::write(ChunkJob job) {
  waitingOrActive_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(job));
  changed_.notify_one();
}

void DiskWriter::finish() {
  const std::lock_guard lock(mutex_);
  finishing_ = true;
  changed_.notify_one();
}

void DiskWriter::run() {
  std::array<DeviceCompletion, limits::writesInFlight> completions;
  while (takeNew()) {
    const std::size_t count = queue_->complete(completions, completionWait_ms);
    for (std::size_t i = 0; i < count; ++i) onCompletion(completions[i]);
    if (activeCount_ > 0) continue;
    bool finishNow;
    {
      const std::lock_guard lock(mutex_);
      finishNow = finishing_ && waiting_.empty() && !stopped_;
      if (finishNow) finishing_ = false;
    }
    if (!finishNow) continue;
    const PooledBuffer scratch = pool_.acquire();
    if (!scratch) return;
    boot_.writeAll(*queue_, scratch.span(), inbox_);
    if (!inbox_.stopped()) inbox_.post({SessionEvent::Kind::diskFinished});
  }
}

bool DiskWriter::takeNew() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || activeCount_ > 0 || !waiting_.empty() || finishing_; });
  while (!stopped_ && !waiting_.empty() && activeCount_ < active_.size()) {
    const auto place = std::ranges::find(active_, false, &Active::used);
    place->job = std::move(waiting_.front());
    place->used = true;
    ++activeCount_;
    waiting_.pop_front();
    lock.unlock();
    boot_.clearBeforeWriting();
    submit(DeviceAction::write, static_cast<std::size_t>(place - active_.begin()));
    lock.lock();
  }
  return !stopped_;
}

void DiskWriter::submit(DeviceAction action, std::size_t place) {
  const ChunkJob& job = active_[place].job;
  const bool accepted = queue_->submit(
      {action, image_.offset(job.chunk), job.buffer.data(), image_.bytes(job.chunk), place});
  assert(accepted); // each place has one operation in flight at most
  static_cast<void>(accepted);
}

void DiskWriter::onCompletion(const DeviceCompletion& completion) {
  const auto place = static_cast<std::size_t>(completion.operation.userData);
  Active& active = active_[place];
  const std::uint32_t chunk = active.job.chunk;
  if (completion.failed()) throw fromDevice(device_, completion).inChunk(chunk);
  if (completion.operation.action == DeviceAction::write) {
    spoil(active.job.buffer.data(), image_.bytes(chunk));
    submit(DeviceAction::readBack, place);
    return;
  }
  active.used = false;
  --activeCount_;
  waitingOrActive_.fetch_sub(1, std::memory_order_relaxed);
  readBack_(std::move(active.job));
}

} // namespace volley
