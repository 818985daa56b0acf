// Claims of disks, on a stand-in that keeps to what Windows documents: a volume with open files is not
// locked, a lock lasts as long as its handle, a removable disk or one of the running system does not go
// offline, and a disk can be written when it is offline or each volume that is mounted on it is locked.
#include "windows/device_claim.h"
#include "check.h"
#include "port/block_device.h"
#include "windows/disk_attributes.h"
#include <algorithm>
#include <optional>

using namespace volley;

namespace {

constexpr std::uint32_t diskNumber = 3;

struct FakeVolume {
  std::wstring name;
  std::uint32_t disk = diskNumber;
  int openError = 0;
  int busyAttempts = 0; // of the lock
  int lockError = 0;
  int dismountError = 0;
  // What happened to it. The handle is an event's, which is closed as a volume's would be.
  HANDLE handle = nullptr;
  bool locked = false, dismounted = false;
};

class FakeSystem final : public ClaimSystem {
public:
  std::vector<FakeVolume> fakes;
  int writableError = 0;
  int offlineError = 0;
  bool offline = false;
  int pauses = 0, updates = 0;
  Handle disk = makeEvent();

  std::vector<Volume> volumes() override {
    std::vector<Volume> list;
    for (const FakeVolume& one : fakes)
      list.push_back({one.name, {{one.disk, 1 << 20, 1 << 20}}});
    return list;
  }
  Handle openVolume(const std::wstring& name) override {
    const auto found =
        std::find_if(fakes.begin(), fakes.end(), [&](const FakeVolume& one) { return one.name == name; });
    ::SetLastError(static_cast<DWORD>(found->openError));
    if (found->openError != 0) return Handle();
    Handle handle = makeEvent();
    found->handle = handle.get();
    return handle;
  }
  int order(HANDLE device, DWORD code) override {
    if (device == disk.get()) return orderDisk(code);
    const auto found =
        std::find_if(fakes.begin(), fakes.end(), [&](const FakeVolume& one) { return one.handle == device; });
    if (code == FSCTL_LOCK_VOLUME) {
      if (found->busyAttempts > 0) {
        --found->busyAttempts;
        return ERROR_ACCESS_DENIED;
      }
      found->locked = found->lockError == 0;
      return found->lockError;
    }
    if (code != FSCTL_DISMOUNT_VOLUME) return ERROR_INVALID_FUNCTION;
    CHECK(found->locked); // it would tear open files away otherwise
    found->dismounted = found->dismountError == 0;
    return found->dismountError;
  }
  std::uint64_t attributes(HANDLE) override { return offline ? diskOffline : 0; }
  int setOffline(HANDLE device, bool wanted) override {
    CHECK(device == disk.get());
    if (wanted && offlineError != 0) return offlineError;
    offline = wanted;
    return 0;
  }
  void pause() override { ++pauses; }

  bool isHeld(const FakeVolume& volume) const {
    DWORD flags = 0;
    return volume.locked && ::GetHandleInformation(volume.handle, &flags) != 0;
  }
  bool canBeWritten() const {
    return offline || std::all_of(fakes.begin(), fakes.end(), [&](const FakeVolume& one) {
             return one.disk != diskNumber || isHeld(one);
           });
  }

private:
  int orderDisk(DWORD code) {
    if (code == IOCTL_DISK_IS_WRITABLE) return writableError;
    updates += code == IOCTL_DISK_UPDATE_PROPERTIES && !offline;
    return 0;
  }
};

std::optional<DeviceError> claimAndLook(FakeSystem& system) {
  try {
    const DeviceClaim claim =
        DeviceClaim::ofDisk(system.disk.get(), diskNumber, "\\\\.\\PhysicalDrive3", system);
    CHECK(system.canBeWritten());
    return std::nullopt;
  } catch (const DeviceError& error) {
    CHECK(error.action == DeviceAction::open);
    return error;
  }
}

void takesADiskOffline() {
  FakeSystem system;
  system.fakes.push_back({.name = L"\\\\?\\Volume{1}\\"});
  system.fakes.push_back({.name = L"\\\\?\\Volume{2}\\", .busyAttempts = 3});
  system.fakes.push_back({.name = L"\\\\?\\Volume{of another disk}\\", .disk = 0});
  {
    const DeviceClaim claim = DeviceClaim::ofDisk(system.disk.get(), diskNumber, "disk", system);
    CHECK(system.offline && system.pauses == 3);
    CHECK(system.fakes[0].dismounted && system.fakes[1].dismounted && system.fakes[2].handle == nullptr);
    CHECK(system.updates == 0);
  }
  CHECK(!system.offline && system.updates == 1);
}

void leavesOfflineWhatWasOffline() {
  FakeSystem system;
  system.offline = true;
  CHECK(!claimAndLook(system));
  CHECK(system.offline && system.updates == 0);
}

void holdsLocksOfARemovableDisk() {
  FakeSystem system;
  system.offlineError = ERROR_NOT_SUPPORTED;
  system.fakes.push_back({.name = L"\\\\?\\Volume{1}\\", .dismountError = ERROR_INVALID_PARAMETER});
  CHECK(!claimAndLook(system));
  CHECK(!system.isHeld(system.fakes[0]) && system.updates == 0);
}

void refusesADiskInUse() {
  FakeSystem system;
  system.fakes.push_back({.name = L"\\\\?\\Volume{free}\\"});
  system.fakes.push_back({.name = L"\\\\?\\Volume{busy}\\", .busyAttempts = 1'000'000});
  const auto refusal = claimAndLook(system);
  CHECK(refusal && refusal->systemError == ERROR_ACCESS_DENIED);
  CHECK(refusal && refusal->device == "\\\\.\\PhysicalDrive3, \\\\?\\Volume{busy}\\");
  CHECK(!system.offline && !system.isHeld(system.fakes[0]));

  FakeSystem denied;
  denied.fakes.push_back({.name = L"\\\\?\\Volume{1}\\", .openError = ERROR_ACCESS_DENIED});
  CHECK(claimAndLook(denied).has_value() && !denied.offline);

  FakeSystem protectedDisk;
  protectedDisk.writableError = ERROR_WRITE_PROTECT;
  const auto writeProtected = claimAndLook(protectedDisk);
  CHECK(writeProtected && writeProtected->systemError == ERROR_WRITE_PROTECT);
}

// 0x80310000: the drive is locked by BitLocker Drive Encryption.
void passesOverAVolumeThatCannotBeLocked() {
  constexpr int closedByBitLocker = static_cast<int>(0x80310000);
  FakeSystem fixed;
  fixed.fakes.push_back({.name = L"\\\\?\\Volume{1}\\", .lockError = closedByBitLocker});
  CHECK(!claimAndLook(fixed));
  CHECK(!fixed.offline && fixed.updates == 1);

  FakeSystem removable;
  removable.offlineError = ERROR_NOT_SUPPORTED;
  removable.fakes.push_back({.name = L"\\\\?\\Volume{1}\\", .lockError = closedByBitLocker});
  const auto refusal = claimAndLook(removable);
  CHECK(refusal && refusal->systemError == closedByBitLocker);
}

} // namespace

int main() {
  takesADiskOffline();
  leavesOfflineWhatWasOffline();
  holdsLocksOfARemovableDisk();
  refusesADiskInUse();
  passesOverAVolumeThatCannotBeLocked();
  return volley_test::finish();
}
