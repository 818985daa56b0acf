// Keeps Windows off a disk or volume that is being written: its volumes are locked and dismounted, and a
// whole disk is taken offline where it lets itself. Windows refuses writes to a disk where it has a volume
// mounted. Given back when the claim goes; a disk that was offline before stays so.
#pragma once
#include "windows/handle.h"
#include "windows/volumes.h"
#include <cstdint>
#include <string>
#include <vector>

namespace volley {

// What a claim asks of the system. Orders give the system's error, 0 when they were carried out. Tests have
// one that keeps to Windows' rules, which Wine does not.
class ClaimSystem {
public:
  virtual ~ClaimSystem() = default;
  virtual std::vector<Volume> volumes() = 0;
  virtual Handle openVolume(const std::wstring& name) = 0;
  virtual int order(HANDLE device, DWORD code) = 0;
  virtual std::uint64_t attributes(HANDLE disk) = 0; // windows/disk_attributes.h
  virtual int setOffline(HANDLE disk, bool offline) = 0;
  virtual void pause() = 0; // between two attempts
};
ClaimSystem& claimSystem();

class DeviceClaim {
public:
  DeviceClaim() = default; // of nothing
  DeviceClaim(DeviceClaim&& other) noexcept { *this = std::move(other); }
  DeviceClaim& operator=(DeviceClaim&& other) noexcept {
    std::swap(system_, other.system_);
    std::swap(offline_, other.offline_);
    std::swap(volumes_, other.volumes_);
    return *this;
  }
  ~DeviceClaim();

  // Both throw DeviceError where somebody else uses it. Handle and system outlive the claim; `path` is for
  // errors.
  static DeviceClaim ofDisk(HANDLE disk, std::uint32_t number, const std::string& path,
                            ClaimSystem& system = claimSystem());
  static DeviceClaim ofVolume(HANDLE volume, const std::string& path, ClaimSystem& system = claimSystem());

private:
  ClaimSystem* system_ = nullptr;
  HANDLE offline_ = nullptr; // the disk, where it was online before
  std::vector<Handle> volumes_;
};

} // namespace volley
