#include "windows/device_claim.h"
#include "core/limits.h"
#include "port/block_device.h"
#include "windows/disk_attributes.h"
#include "windows/text.h"
#include <optional>
#include <winioctl.h>

namespace volley {
namespace {

class WindowsClaimSystem final : public ClaimSystem {
public:
  std::vector<Volume> volumes() override { return listVolumes(); }
  Handle openVolume(const std::wstring& name) override {
    return volley::openVolume(name, GENERIC_READ | GENERIC_WRITE);
  }
  int order(HANDLE device, DWORD code) override { return orderDevice(device, code); }
  std::uint64_t attributes(HANDLE disk) override { return diskAttributes(disk); }
  int setOffline(HANDLE disk, bool offline) override { return setDiskOffline(disk, offline); }
  void pause() override { ::Sleep(limits::deviceOpenPause_ms); }
};

// What a system or a driver answers to an order that it does not have; those of this file have no parameters.
bool isUnknown(int error) {
  return error == ERROR_INVALID_FUNCTION || error == ERROR_NOT_SUPPORTED ||
         error == ERROR_CALL_NOT_IMPLEMENTED || error == ERROR_INVALID_PARAMETER;
}

// Files are open on it, or programs have it. Every other refusal is one of the volume's own, such as that of
// one which BitLocker keeps closed, and the disk may be taken offline all the same.
bool isInUse(int error) {
  return error == ERROR_ACCESS_DENIED || error == ERROR_SHARING_VIOLATION || error == ERROR_LOCK_VIOLATION ||
         error == ERROR_BUSY;
}

void lockAndDismount(HANDLE volume, const std::string& device, ClaimSystem& system) {
  // Programs that only look at a volume let go of it soon.
  int locked = system.order(volume, FSCTL_LOCK_VOLUME);
  for (int left = limits::deviceOpenAttempts; isInUse(locked) && left > 1; --left) {
    system.pause();
    locked = system.order(volume, FSCTL_LOCK_VOLUME);
  }
  if (locked != 0) throw DeviceError(DeviceAction::open, locked, "FSCTL_LOCK_VOLUME", device);
  // Locked, it can be written; dismounted, Windows also forgets what was on it.
  const int dismounted = system.order(volume, FSCTL_DISMOUNT_VOLUME);
  if (dismounted != 0 && !isUnknown(dismounted))
    throw DeviceError(DeviceAction::open, dismounted, "FSCTL_DISMOUNT_VOLUME", device);
}

Handle lockedVolume(const Volume& volume, const std::string& disk, ClaimSystem& system) {
  const std::string device = disk + ", " + narrow(volume.name);
  Handle handle = system.openVolume(volume.name);
  if (!handle) throw DeviceError(DeviceAction::open, lastError(), "CreateFile", device);
  lockAndDismount(handle.get(), device, system);
  return handle;
}

} // namespace

ClaimSystem& claimSystem() {
  static WindowsClaimSystem system;
  return system;
}

DeviceClaim DeviceClaim::ofDisk(HANDLE disk, std::uint32_t number, const std::string& path,
                                ClaimSystem& system) {
  DeviceClaim claim;
  const int writable = system.order(disk, IOCTL_DISK_IS_WRITABLE);
  if (writable != 0 && !isUnknown(writable))
    throw DeviceError(DeviceAction::open, writable, "IOCTL_DISK_IS_WRITABLE", path);
  if ((system.attributes(disk) & diskOffline) != 0) return claim; // none of its volumes is mounted then
  std::optional<DeviceError> unlocked;
  for (const Volume& volume : system.volumes()) {
    if (!liesOn(volume, number)) continue;
    try {
      claim.volumes_.push_back(lockedVolume(volume, path, system));
    } catch (const DeviceError& error) {
      if (isInUse(error.systemError)) throw;
      unlocked = error;
    }
  }
  // Removable disks do not let themselves be taken offline: there the locks keep Windows off.
  if (system.setOffline(disk, true) != 0) {
    if (unlocked) throw *unlocked;
    return claim;
  }
  claim.system_ = &system;
  claim.offline_ = disk;
  claim.volumes_.clear();
  return claim;
}

DeviceClaim DeviceClaim::ofVolume(HANDLE volume, const std::string& path, ClaimSystem& system) {
  lockAndDismount(volume, path, system);
  // Without it the file system's own idea of its length would bound what is written.
  system.order(volume, FSCTL_ALLOW_EXTENDED_DASD_IO);
  return {};
}

DeviceClaim::~DeviceClaim() {
  if (offline_ == nullptr) return;
  system_->setOffline(offline_, false);
  system_->order(offline_, IOCTL_DISK_UPDATE_PROPERTIES); // it is to read the new partition table
}

} // namespace volley
