#include "engine/device_failure.h"
#include <cassert>
#include <system_error>

namespace volley {
namespace {

struct Meaning {
  const char* code;
  const char* detail;
};

Meaning meaningOf(DeviceAction action, int systemError) {
  const bool full = std::system_category().equivalent(systemError, std::errc::no_space_on_device);
  switch (action) {
  case DeviceAction::open:
    return {code::deviceOpen, "the disk cannot be opened"};
  case DeviceAction::read:
  case DeviceAction::readBack:
    if (systemError == 0) return {code::deviceRead, "the disk ends inside what was to be read"};
    return {code::deviceRead, "the disk cannot be read"};
  case DeviceAction::write:
    if (full) return {code::deviceFull, "the disk is full"};
    return {code::deviceWrite, "the disk cannot be written"};
  case DeviceAction::zero:
    if (full) return {code::deviceFull, "the disk is full"};
    return {code::deviceWrite, "the disk cannot be zeroed"};
  case DeviceAction::flush:
    break;
  }
  return {code::deviceFlush, "the disk did not confirm that it stored what was written"};
}

EngineError compose(const Meaning& meaning, int systemError, const char* call, const std::string& device,
                    std::int64_t offset) {
  EngineError result(meaning.code, meaning.detail);
  result.system(systemError, call).on(device, offset);
  return result;
}

} // namespace

EngineError fromDevice(const DeviceError& error) {
  return compose(meaningOf(error.action, error.systemError), error.systemError, error.call, error.device,
                 error.offset);
}

EngineError fromDevice(const BlockDevice& device, const DeviceCompletion& completion) {
  assert(completion.failed());
  const DeviceOperation& operation = completion.operation;
  return compose(meaningOf(operation.action, completion.systemError), completion.systemError,
                 completion.call != nullptr ? completion.call : "read", device.path(),
                 static_cast<std::int64_t>(operation.offset + completion.transferred));
}

} // namespace volley
