// Operations that the system carries out side by side, each with an event that tells its end.
#pragma once
#include "windows/device_file.h"
#include <array>

namespace volley {

class OverlappedDeviceQueue final : public DeviceQueue {
public:
  OverlappedDeviceQueue(DeviceFile& file, std::uint32_t depth);
  ~OverlappedDeviceQueue() override;
  OverlappedDeviceQueue(const OverlappedDeviceQueue&) = delete;
  OverlappedDeviceQueue& operator=(const OverlappedDeviceQueue&) = delete;

  std::uint32_t depth() const override { return depth_; }
  std::uint32_t inFlight() const override { return inFlight_; }
  bool submit(const DeviceOperation& operation) override;
  std::size_t complete(std::span<DeviceCompletion> completions, int wait_ms) override;

private:
  struct Slot {
    enum class State { free, begun, ended };
    State state = State::free;
    OVERLAPPED overlapped{};
    DeviceOperation operation{};
    DeviceCompletion completion{}; // once ended
    Handle event = makeEvent();
  };

  void settle(Slot& slot);

  DeviceFile& file_;
  const std::uint32_t depth_;
  std::uint32_t inFlight_ = 0;
  std::vector<Slot> slots_; // the system writes into `overlapped`: it never moves
};

} // namespace volley
