// One operation through a queue that has nothing else in flight, waited for.
#pragma once
#include "port/block_device.h"
#include <cstdint>

namespace volley {

// Throws EngineError, which names `chunk` where that is not -1.
void carryOut(const BlockDevice& device, DeviceQueue& queue, const DeviceOperation& operation,
              std::int64_t chunk = -1);

} // namespace volley
