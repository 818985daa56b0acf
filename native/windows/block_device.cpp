#include "port/block_device.h"
#include "port/device_over_file.h"
#include "windows/device_control.h"
#include "windows/device_queue.h"
#include <winioctl.h>

namespace volley {
namespace {

class WindowsBlockDevice final : public DeviceOverFile<DeviceFile, OverlappedDeviceQueue> {
public:
  using DeviceOverFile::DeviceOverFile;

  void flush() override {
    if (::FlushFileBuffers(file_.handle()) == 0)
      throw DeviceError(DeviceAction::flush, lastError(), "FlushFileBuffers", path());
  }

private:
  bool zeroQuickly(std::uint64_t offset, std::uint64_t length) override;
};

// A file only: what Windows has for disks is the hint that blocks are not needed (trim), which promises
// nothing.
bool WindowsBlockDevice::zeroQuickly(std::uint64_t offset, std::uint64_t length) {
  if (file_.kind() != DeviceFile::Kind::regularFile) return false;
  // Sparse, it gives the space back; where it cannot be, zeros are written by the system.
  orderDevice(file_.handle(), FSCTL_SET_SPARSE);
  FILE_ZERO_DATA_INFORMATION range{};
  range.FileOffset.QuadPart = static_cast<LONGLONG>(offset);
  range.BeyondFinalZero.QuadPart = static_cast<LONGLONG>(offset + length);
  return orderDevice(file_.handle(), FSCTL_SET_ZERO_DATA, range) == 0;
}

} // namespace

std::unique_ptr<BlockDevice> openBlockDevice(const std::string& path, DeviceAccess access) {
  return std::make_unique<WindowsBlockDevice>(path, access);
}

} // namespace volley
