#include "port/block_device.h"
#include "linux/device_file.h"
#include "linux/device_queue.h"
#include "port/device_over_file.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

namespace volley {
namespace {

class LinuxBlockDevice final : public DeviceOverFile<DeviceFile, ThreadedDeviceQueue> {
public:
  using DeviceOverFile::DeviceOverFile;

  void flush() override {
    // One call for both descriptors: direct writes are on the device already, and it ends in a flush of the
    // device's own cache. Failures to write cached data are told to the descriptor that wrote it.
    int result;
    do {
      result = ::fdatasync(file_.cachedDescriptor());
    } while (result != 0 && errno == EINTR);
    if (result != 0) throw DeviceError(DeviceAction::flush, errno, "fdatasync", path());
  }

private:
  bool zeroQuickly(std::uint64_t offset, std::uint64_t length) override;
};

// The kernel's own promise is that both calls leave zeros. The descriptor is the one with the claim; for any
// other the kernel would find the disk busy.
bool LinuxBlockDevice::zeroQuickly(std::uint64_t offset, std::uint64_t length) {
  const bool isDevice = file_.kind() == DeviceFile::Kind::blockDevice;
  int result;
  do {
    if (isDevice) {
      std::uint64_t range[2] = {offset, length};
      result = ::ioctl(file_.claimingDescriptor(), BLKZEROOUT, range);
    } else {
      result = ::fallocate(file_.claimingDescriptor(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                           static_cast<off_t>(offset), static_cast<off_t>(length));
    }
  } while (result != 0 && errno == EINTR);
  if (result == 0) return true;
  if (errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS || errno == EINVAL) return false;
  throw DeviceError(DeviceAction::zero, errno, isDevice ? "BLKZEROOUT" : "fallocate", path(),
                    static_cast<std::int64_t>(offset), length);
}

} // namespace

std::unique_ptr<BlockDevice> openBlockDevice(const std::string& path, DeviceAccess access) {
  return std::make_unique<LinuxBlockDevice>(path, access);
}

} // namespace volley
