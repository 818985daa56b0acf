// A disk, or a regular file used as one: positioned reads and writes, many of them in flight, past the
// system's cache where the system lets us. The system's folder implements it.
//
// Offsets and lengths are bytes. What is a multiple of `alignmentBytes`, in a buffer aligned to it, goes
// straight to the device; anything else is carried out too, through the cache. A file used as a disk exists
// already, with its size, which never changes: beyond it a read ends and a write fails as on a full disk.
#pragma once
#include "port/error.h"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace volley {

enum class DeviceAccess {
  readOnly,
  exclusive, // read and write; refused while somebody else has the device mounted or open the same way
};

// `readBack` gives what the device holds, not what the system remembers having written to it, as far as that
// can be had: see BlockDevice::bypassesCache.
enum class DeviceAction { open, read, readBack, write, flush, zero };

// What failed, where. `systemError` is 0 when a read went past the device's end.
struct DeviceError : PortError {
  DeviceError(DeviceAction failedAction, int number, const char* callName, std::string devicePath,
              std::int64_t atOffset = -1, std::uint64_t ofLength = 0)
      : PortError(number, callName), action(failedAction), device(std::move(devicePath)), offset(atOffset),
        length(ofLength) {}
  DeviceAction action;
  std::string device;
  std::int64_t offset;  // -1 when the whole device is meant
  std::uint64_t length; // of the operation that failed
};

struct DeviceOperation {
  DeviceAction action; // read, readBack or write
  std::uint64_t offset;
  std::uint8_t* buffer; // left alone by `write`
  std::size_t length;
  std::uint64_t userData; // comes back with the completion
};

struct DeviceCompletion {
  DeviceOperation operation;
  std::size_t transferred; // all of `length`, or the operation failed
  int systemError;         // 0 with too little transferred: the device ended
  const char* call;        // the call that failed; null otherwise
  bool failed() const { return transferred != operation.length; }
};

// Operations in flight on behalf of one owner. A queue is used by one thread at a time; several queues of a
// device work side by side. Operations complete in any order. Destroyed, it waits for what is in flight;
// their buffers must last until then. The device outlives its queues.
class DeviceQueue {
public:
  virtual ~DeviceQueue() = default;
  virtual std::uint32_t depth() const = 0;    // most operations in flight
  virtual std::uint32_t inFlight() const = 0; // submitted, not yet handed out by `complete`
  // Does not wait; false, with nothing done, when `depth` are in flight.
  virtual bool submit(const DeviceOperation& operation) = 0;
  // Fills `completions` from the front and says how many. Waits at most `wait_ms` for the first one; returns
  // 0 at once when nothing is in flight.
  virtual std::size_t complete(std::span<DeviceCompletion> completions, int wait_ms) = 0;
};

// Safe on any thread. Members throw DeviceError.
class BlockDevice {
public:
  virtual ~BlockDevice() = default;
  virtual const std::string& path() const = 0;
  virtual std::uint64_t sizeBytes() const = 0;
  virtual std::uint32_t logicalSectorBytes() const = 0;
  virtual std::uint32_t alignmentBytes() const = 0; // a power of two, at most 4096
  // Whether aligned transfers go past the system's cache. Where they do not (a file system without direct
  // access, tmpfs for one), `readBack` first has the range written out and forgotten, which the system may
  // decline.
  virtual bool bypassesCache() const = 0;

  // Starts the threads, all of them here; std::system_error where there are none to be had.
  virtual std::unique_ptr<DeviceQueue> makeQueue(std::uint32_t depth) = 0;

  // One read, waited for, outside any queue: all of `out`, or DeviceError.
  virtual void read(std::span<std::uint8_t> out, std::uint64_t offset) = 0;

  // Makes the range read back as zeros, the fast way where the device has one that is seen to work, else by
  // writing them. Waits; a caller that wants to stop in between gives smaller ranges.
  virtual void zeroRange(std::uint64_t offset, std::uint64_t length) = 0;

  // Returns when everything that completed before is on stable storage, the device's own cache included.
  virtual void flush() = 0;
};

std::unique_ptr<BlockDevice> openBlockDevice(const std::string& path, DeviceAccess access);

} // namespace volley
