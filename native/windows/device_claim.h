// Keeps Windows off a disk or volume that is being written: its volumes are locked and dismounted, and a
// whole disk is taken offline where it lets itself. Windows refuses writes to a disk where it has a volume
// mounted. Given back when the claim goes; a disk that was offline before stays so.
#pragma once
#include "windows/handle.h"
#include <cstdint>
#include <string>
#include <vector>

namespace volley {

class DeviceClaim {
public:
  DeviceClaim() = default; // of nothing
  DeviceClaim(DeviceClaim&& other) noexcept
      : offline_(std::exchange(other.offline_, nullptr)), volumes_(std::move(other.volumes_)) {}
  DeviceClaim& operator=(DeviceClaim&& other) noexcept {
    std::swap(offline_, other.offline_);
    std::swap(volumes_, other.volumes_);
    return *this;
  }
  ~DeviceClaim();

  // Both throw DeviceError where somebody else uses it. The handle outlives the claim; `path` is for errors.
  static DeviceClaim ofDisk(HANDLE disk, std::uint32_t number, const std::string& path);
  static DeviceClaim ofVolume(HANDLE volume, const std::string& path);

private:
  HANDLE offline_ = nullptr; // the disk, where it was online before
  std::vector<Handle> volumes_;
};

} // namespace volley
