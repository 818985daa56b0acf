// An open disk, volume or image file and the transfers to and from it: unbuffered, through the caller's
// memory where offset, length and address are aligned, through a buffer of its own otherwise. Safe on any
// thread.
#pragma once
#include "port/block_device.h"
#include "windows/device_claim.h"
#include "windows/handle.h"
#include <mutex>
#include <vector>

namespace volley {

class DeviceFile {
public:
  enum class Kind { disk, volume, regularFile };
  static constexpr const char* readCall = "ReadFile";
  static constexpr int diskFullError = ERROR_DISK_FULL;

  DeviceFile(std::string path, DeviceAccess access); // throws DeviceError

  const std::string& path() const { return path_; }
  Kind kind() const { return kind_; }
  HANDLE handle() const { return handle_.get(); }
  std::uint64_t sizeBytes() const { return sizeBytes_; }
  std::uint32_t logicalSectorBytes() const { return logicalSectorBytes_; }
  std::uint32_t alignmentBytes() const { return alignmentBytes_; }
  bool direct() const { return direct_; }

  // Whether the system can carry the operation out as it is: aligned, inside the device, and past the cache
  // where it must be.
  bool goesAlone(const DeviceOperation& operation) const;
  // Begins an operation that goes alone. The event of `overlapped` is set when it has ended. Gives the
  // system's error where it did not begin, else 0.
  int begin(const DeviceOperation& operation, OVERLAPPED& overlapped) const;
  // Waits for an operation that has begun.
  DeviceCompletion end(const DeviceOperation& operation, OVERLAPPED& overlapped) const;

  // Carries any operation out and says how far it came; never throws.
  DeviceCompletion transfer(const DeviceOperation& operation);

private:
  void open(DeviceAccess access);
  void measure();
  bool isAligned(const DeviceOperation& operation) const;
  DeviceCompletion transferAligned(const DeviceOperation& operation) const;
  DeviceCompletion transferByPieces(const DeviceOperation& operation);
  int restoreSize() const;

  const std::string path_;
  Kind kind_;
  bool direct_ = true;
  Handle handle_;
  DeviceClaim claim_; // goes before the handle
  std::uint64_t sizeBytes_ = 0;
  std::uint32_t logicalSectorBytes_ = 512;
  std::uint32_t alignmentBytes_ = 4096;
  std::mutex piecing_;             // guards what follows
  std::vector<std::uint8_t> room_; // `piece_` with space to align it
  std::uint8_t* piece_;
};

} // namespace volley
