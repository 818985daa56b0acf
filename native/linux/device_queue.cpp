#include "linux/device_queue.h"
#include "core/limits.h"
#include "linux/signal_block.h"
#include <algorithm>
#include <cassert>
#include <chrono>

namespace volley {

ThreadedDeviceQueue::ThreadedDeviceQueue(DeviceFile& file, std::uint32_t depth)
    : file_(file), depth_(depth), waiting_(depth) {
  assert(depth >= 1 && depth <= limits::deviceQueueDepthMax);
  finished_.reserve(depth);
  threads_.reserve(depth);
  const SignalBlock noSignals;
  try {
    for (std::uint32_t number = 0; number < depth; ++number)
      threads_.emplace_back([this] { run(); });
  } catch (...) {
    stop();
    throw;
  }
}

ThreadedDeviceQueue::~ThreadedDeviceQueue() {
  stop();
}

void ThreadedDeviceQueue::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  submittedOne_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
}

std::uint32_t ThreadedDeviceQueue::inFlight() const {
  const std::lock_guard lock(mutex_);
  return inFlight_;
}

bool ThreadedDeviceQueue::submit(const DeviceOperation& operation) {
  {
    const std::lock_guard lock(mutex_);
    if (inFlight_ == depth_) return false;
    ++inFlight_;
    waiting_[(firstWaiting_ + waitingCount_++) % depth_] = operation;
  }
  submittedOne_.notify_one();
  return true;
}

std::size_t ThreadedDeviceQueue::complete(std::span<DeviceCompletion> completions, int wait_ms) {
  std::unique_lock lock(mutex_);
  if (inFlight_ == 0) return 0;
  finishedOne_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return !finished_.empty(); });
  const std::size_t count = std::min(completions.size(), finished_.size());
  const auto end = finished_.begin() + static_cast<std::ptrdiff_t>(count);
  std::copy(finished_.begin(), end, completions.begin());
  finished_.erase(finished_.begin(), end);
  inFlight_ -= static_cast<std::uint32_t>(count);
  return count;
}

void ThreadedDeviceQueue::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    submittedOne_.wait(lock, [this] { return stopping_ || waitingCount_ > 0; });
    if (stopping_) return;
    const DeviceOperation operation = waiting_[firstWaiting_];
    firstWaiting_ = (firstWaiting_ + 1) % depth_;
    --waitingCount_;
    lock.unlock();
    const DeviceCompletion completion = file_.transfer(operation);
    lock.lock();
    finished_.push_back(completion);
    finishedOne_.notify_one();
  }
}

} // namespace volley
