// Writes an image as a receiving session does, with the session's own threads: ChunkWorkers decompress and hash, DiskWriter
// writes, with what it needs around it, boot chunks last. All that is left out is the network: chunks come from memory. The
// image is one chunk again and again, at every position a hash of its own.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/limits.h"
#include "engine/boot_chunks.h"
#include "engine/chunk_codec.h"
#include "engine/chunk_workers.h"
#include "engine/disk_writer.h"
#include "engine/image_facts.h"
#include "port/block_device.h"
#include "port/socket.h"
#include "ring_queue.h"

namespace volley_bench {

// What is done with each chunk beside writing it.
enum class Work { nothing, hash, decompressAndHash };

struct WriterOptions {
  std::uint64_t bytes;
  Work work;
  bool readBack; // as the product does always; without it, a program that writes alone can be compared with
  bool ioUring;  // in place of the product's queue, which is threads
};

// The device with another queue, or one for which reading back takes nothing while `readsBack` is false.
class MeasuredDevice final : public volley::BlockDevice {
public:
  MeasuredDevice(BlockDevice& device, bool ioUring) : device_(device), ioUring_(ioUring) {}
  std::atomic<bool> readsBack{true};

  const std::string& path() const override { return device_.path(); }
  std::uint64_t sizeBytes() const override { return device_.sizeBytes(); }
  std::uint32_t logicalSectorBytes() const override { return device_.logicalSectorBytes(); }
  std::uint32_t alignmentBytes() const override { return device_.alignmentBytes(); }
  bool bypassesCache() const override { return device_.bypassesCache(); }
  void read(std::span<std::uint8_t> out, std::uint64_t offset) override { device_.read(out, offset); }
  void zeroRange(std::uint64_t offset, std::uint64_t length) override { device_.zeroRange(offset, length); }
  void flush() override { device_.flush(); }
  std::unique_ptr<volley::DeviceQueue> makeQueue(std::uint32_t depth) override {
    std::unique_ptr<volley::DeviceQueue> queue;
    if (ioUring_) queue = std::make_unique<volley::RingQueue>(path(), depth);
    else queue = device_.makeQueue(depth);
    return std::make_unique<Queue>(std::move(queue), readsBack);
  }

private:
  class Queue final : public volley::DeviceQueue {
  public:
    Queue(std::unique_ptr<DeviceQueue> queue, const std::atomic<bool>& readsBack)
        : queue_(std::move(queue)), readsBack_(readsBack) {}
    std::uint32_t depth() const override { return queue_->depth(); }
    std::uint32_t inFlight() const override {
      return queue_->inFlight() + static_cast<std::uint32_t>(done_.size());
    }
    bool submit(const volley::DeviceOperation& operation) override {
      if (operation.action != volley::DeviceAction::readBack || readsBack_) return queue_->submit(operation);
      done_.push_back({operation, operation.length, 0, nullptr});
      return true;
    }
    std::size_t complete(std::span<volley::DeviceCompletion> completions, int wait_ms) override {
      if (done_.empty()) return queue_->complete(completions, wait_ms);
      std::size_t count = 0;
      for (; count < completions.size() && !done_.empty(); done_.pop_back()) completions[count++] = done_.back();
      return count;
    }

  private:
    std::unique_ptr<DeviceQueue> queue_;
    const std::atomic<bool>& readsBack_;
    std::vector<volley::DeviceCompletion> done_;
  };

  BlockDevice& device_;
  const bool ioUring_;
};

class SessionWriter {
public:
  SessionWriter(volley::BlockDevice& device, std::vector<std::uint8_t> rawChunk, const WriterOptions& options)
      : options_(options), raw_(std::move(rawChunk)), device_(device, options.ioUring),
        image_(manifestOf(), symbolBytes), boot_(image_, device_),
        pool_(volley::limits::chunkBuffers, volley::limits::chunkBytes), inbox_(events_),
        workers_(image_, pool_, inbox_, std::max(1u, std::thread::hardware_concurrency()),
                 [this](volley::ChunkJob job) { writer_->write(std::move(job)); }),
        writer_(std::make_unique<volley::DiskWriter>(image_, device_, boot_, pool_, inbox_, [this](volley::ChunkJob job) {
          readBack(std::move(job));
        })) {
    device_.readsBack = options.readBack;
    for (const std::uint32_t chunk : boot_.numbers()) boot_.keep(chunk, raw_);
  }
  ~SessionWriter() {
    workers_.end(); // it hands chunks to the writer
  }

  // Seconds until all is on the device and flushed. Once.
  double run() {
    const auto started = std::chrono::steady_clock::now();
    std::uint32_t fed = 0, good = static_cast<std::uint32_t>(boot_.numbers().size());
    bool finishing = false;
    for (std::vector<volley::SessionEvent> events;;) {
      events_.wait();
      if (const auto error = inbox_.error()) throw std::runtime_error(error->what());
      inbox_.take(events);
      for (const volley::SessionEvent& event : events) {
        if (event.kind == volley::SessionEvent::Kind::diskFinished)
          return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
        if (event.kind != volley::SessionEvent::Kind::chunkGood)
          throw std::runtime_error("the target gives other bytes than were written");
        ++good;
      }
      while (fed < image_.chunks() && feed(fed)) ++fed;
      if (good < image_.chunks() || finishing) continue;
      finishing = true;
      device_.readsBack = true; // boot chunks are compared with what was read
      writer_->finish();
    }
  }

private:
  static constexpr std::uint32_t symbolBytes = 1408;

  // Ends a wait of the feeding thread; it also looks for a free buffer now and then.
  class Events final : public volley::Wakeup {
  public:
    void notify() noexcept override {
      const std::lock_guard lock(mutex_);
      notified_ = true;
      changed_.notify_one();
    }
    void clear() noexcept override {}
    void wait() {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(1), [this] { return notified_; });
      notified_ = false;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool notified_ = false;
  };

  volley::Manifest manifestOf() {
    using namespace volley;
    stored_ = raw_;
    if (options_.work == Work::decompressAndHash) stored_.resize(ChunkCompressor(3).compress(raw_, stored_));
    if (stored_.empty()) throw std::runtime_error("the chunk does not compress");
    Manifest manifest;
    manifest.imageBytes = manifest.smallestDiskBytes = options_.bytes;
    std::vector<blake3::Hash> values;
    for (std::uint64_t offset = 0; offset < options_.bytes; offset += limits::chunkBytes) {
      values.push_back(chunkHash(raw_, offset, options_.bytes));
      const Encoding encoding = stored_.size() < raw_.size() ? Encoding::zstd : Encoding::raw;
      manifest.chunks.push_back({values.back(), static_cast<std::uint32_t>(stored_.size()), encoding});
      manifest.contentBytes += stored_.size();
    }
    manifest.root = rootOfChunks(values);
    return manifest;
  }

  // False when there is no buffer for it now.
  bool feed(std::uint32_t chunk) {
    if (boot_.contains(chunk)) return true;
    volley::PooledBuffer buffer = pool_.tryAcquire();
    if (!buffer) return false;
    std::memcpy(buffer.data(), stored_.data(), stored_.size());
    volley::ChunkJob job{chunk, volley::ChunkSource::unicast, std::move(buffer)};
    if (options_.work == Work::nothing) writer_->write(std::move(job));
    else workers_.checkStored(std::move(job));
    return true;
  }

  void readBack(volley::ChunkJob job) {
    if (options_.readBack) return workers_.checkReadBack(std::move(job));
    const std::uint32_t chunk = job.chunk;
    job.buffer = volley::PooledBuffer();
    inbox_.post({volley::SessionEvent::Kind::chunkGood, chunk, job.source});
  }

  const WriterOptions options_;
  const std::vector<std::uint8_t> raw_;
  std::vector<std::uint8_t> stored_;
  MeasuredDevice device_;
  const volley::ImageFacts image_;
  volley::BootChunks boot_;
  volley::BufferPool pool_;
  Events events_;
  volley::SessionInbox inbox_;
  volley::ChunkWorkers workers_;
  std::unique_ptr<volley::DiskWriter> writer_;
};

} // namespace volley_bench
