#include "windows/device_queue.h"
#include "core/limits.h"
#include <algorithm>
#include <cassert>
#include <system_error>

namespace volley {

static_assert(limits::deviceQueueDepthMax <= MAXIMUM_WAIT_OBJECTS);

OverlappedDeviceQueue::OverlappedDeviceQueue(DeviceFile& file, std::uint32_t depth) try
    : file_(file), depth_(depth), slots_(depth) {
  assert(depth >= 1 && depth <= limits::deviceQueueDepthMax);
} catch (const PortError& error) {
  throw std::system_error(error.systemError, std::system_category(), error.call);
}

OverlappedDeviceQueue::~OverlappedDeviceQueue() {
  for (Slot& slot : slots_) {
    if (slot.state == Slot::State::begun) settle(slot);
  }
}

void OverlappedDeviceQueue::settle(Slot& slot) {
  slot.completion = file_.end(slot.operation, slot.overlapped);
  slot.state = Slot::State::ended;
}

bool OverlappedDeviceQueue::submit(const DeviceOperation& operation) {
  const auto slot = std::find_if(slots_.begin(), slots_.end(),
                                 [](const Slot& one) { return one.state == Slot::State::free; });
  if (slot == slots_.end()) return false;
  ++inFlight_;
  slot->operation = operation;
  // What is not aligned is rare and short, the end of an image for one: it is carried out here.
  if (file_.goesAlone(operation)) {
    slot->overlapped.hEvent = slot->event.get();
    const int error = file_.begin(operation, slot->overlapped);
    slot->state = error == 0 ? Slot::State::begun : Slot::State::ended;
    slot->completion = {operation, 0, error,
                        operation.action == DeviceAction::write ? "WriteFile" : "ReadFile"};
  } else {
    slot->completion = file_.transfer(operation);
    slot->state = Slot::State::ended;
  }
  return true;
}

std::size_t OverlappedDeviceQueue::complete(std::span<DeviceCompletion> completions, int wait_ms) {
  if (inFlight_ == 0) return 0;
  std::array<HANDLE, limits::deviceQueueDepthMax> events;
  DWORD begun = 0;
  bool anyEnded = false;
  for (const Slot& slot : slots_) {
    if (slot.state == Slot::State::begun) events[begun++] = slot.event.get();
    anyEnded = anyEnded || slot.state == Slot::State::ended;
  }
  if (begun > 0 && !anyEnded)
    ::WaitForMultipleObjects(begun, events.data(), FALSE, static_cast<DWORD>(wait_ms));
  std::size_t count = 0;
  for (Slot& slot : slots_) {
    if (count == completions.size()) break;
    if (slot.state == Slot::State::begun && ::WaitForSingleObject(slot.event.get(), 0) == WAIT_OBJECT_0)
      settle(slot);
    if (slot.state != Slot::State::ended) continue;
    completions[count++] = slot.completion;
    slot.state = Slot::State::free;
    --inFlight_;
  }
  return count;
}

} // namespace volley
