#include "engine/carry_out.h"
#include "engine/device_failure.h"
#include <cassert>

namespace volley {

void carryOut(const BlockDevice& device, DeviceQueue& queue, const DeviceOperation& operation, std::int64_t chunk) {
  constexpr int waitMost_ms = 1000;
  assert(queue.inFlight() == 0);
  queue.submit(operation);
  DeviceCompletion completion{};
  while (queue.complete({&completion, 1}, waitMost_ms) == 0) {}
  if (completion.failed()) throw fromDevice(device, completion).inChunk(chunk);
}

} // namespace volley
