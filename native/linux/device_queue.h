// A queue of operations carried out by threads of its own, one for each operation in flight: every thread
// waits in one system call, which keeps a device as busy as an asynchronous interface would.
#pragma once
#include "linux/device_file.h"
#include "port/block_device.h"
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace volley {

class ThreadedDeviceQueue final : public DeviceQueue {
public:
  ThreadedDeviceQueue(DeviceFile& file, std::uint32_t depth);
  ~ThreadedDeviceQueue() override;
  ThreadedDeviceQueue(const ThreadedDeviceQueue&) = delete;
  ThreadedDeviceQueue& operator=(const ThreadedDeviceQueue&) = delete;

  std::uint32_t depth() const override { return depth_; }
  std::uint32_t inFlight() const override;
  bool submit(const DeviceOperation& operation) override;
  std::size_t complete(std::span<DeviceCompletion> completions, int wait_ms) override;

private:
  void run();
  void stop() noexcept;

  DeviceFile& file_;
  const std::uint32_t depth_;
  mutable std::mutex mutex_;
  std::condition_variable submittedOne_, finishedOne_;
  // Neither grows: an operation in flight is in one of them or with a thread, and there are at most `depth_`.
  std::vector<DeviceOperation> waiting_; // a ring from `firstWaiting_`, in the order of submission
  std::size_t firstWaiting_ = 0, waitingCount_ = 0;
  std::vector<DeviceCompletion> finished_;
  std::uint32_t inFlight_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace volley
