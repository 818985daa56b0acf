// From what a device throws, or completes an operation with, to the engine's own error.
#pragma once
#include "engine/error.h"
#include "port/block_device.h"

namespace volley {

EngineError fromDevice(const DeviceError& error);
EngineError fromDevice(const BlockDevice& device, const DeviceCompletion& completion);

} // namespace volley
