#include "port/block_device.h"
#include "core/limits.h"
#include "linux/device_file.h"
#include "linux/device_queue.h"
#include <algorithm>
#include <atomic>
#include <cassert>
#include <fcntl.h>
#include <linux/fs.h>
#include <mutex>
#include <new>
#include <sys/ioctl.h>

namespace volley {
namespace {

constexpr std::size_t bufferAlignmentBytes = 4096;

struct AlignedDelete {
  void operator()(std::uint8_t* bytes) const {
    ::operator delete (bytes, std::align_val_t{bufferAlignmentBytes});
  }
};
using AlignedBytes = std::unique_ptr<std::uint8_t, AlignedDelete>;

AlignedBytes allocateZeros(std::size_t bytes) {
  AlignedBytes result(
      static_cast<std::uint8_t*>(::operator new (bytes, std::align_val_t{bufferAlignmentBytes})));
  std::fill_n(result.get(), bytes, std::uint8_t{0});
  return result;
}

class LinuxBlockDevice final : public BlockDevice {
public:
  LinuxBlockDevice(const std::string& path, DeviceAccess access) : file_(path, access), access_(access) {
    if (access_ != DeviceAccess::exclusive) return;
    zeros_ = allocateZeros(limits::deviceZeroBytes);
    proof_ = allocateZeros(limits::deviceZeroProofBytes);
  }

  const std::string& path() const override { return file_.path(); }
  std::uint64_t sizeBytes() const override { return file_.sizeBytes(); }
  std::uint32_t logicalSectorBytes() const override { return file_.logicalSectorBytes(); }
  std::uint32_t alignmentBytes() const override { return file_.alignmentBytes(); }
  bool bypassesCache() const override { return file_.direct(); }

  std::unique_ptr<DeviceQueue> makeQueue(std::uint32_t depth) override {
    return std::make_unique<ThreadedDeviceQueue>(file_, depth);
  }

  void read(std::span<std::uint8_t> out, std::uint64_t offset) override {
    transferAll({DeviceAction::read, offset, out.data(), out.size(), 0}, DeviceAction::read);
  }

  void zeroRange(std::uint64_t offset, std::uint64_t length) override;

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
  void transferAll(const DeviceOperation& operation, DeviceAction action) {
    const DeviceCompletion completion = file_.transfer(operation);
    if (!completion.failed()) return;
    throw DeviceError(action, completion.systemError, completion.call != nullptr ? completion.call : "pread",
                      path(), static_cast<std::int64_t>(operation.offset + completion.transferred),
                      operation.length - completion.transferred);
  }
  bool zeroQuickly(std::uint64_t offset, std::uint64_t length);
  bool readsAsZeros(std::uint64_t offset, std::uint64_t length);
  void writeZeros(std::uint64_t begin, std::uint64_t end);

  DeviceFile file_;
  const DeviceAccess access_;
  std::mutex zeroing_;       // guards what follows
  bool quickZeroing_ = true; // until the device refuses it or is caught lying
  AlignedBytes zeros_, proof_;
};

// False where there is no quick way: the kernel's own promise is that both calls leave zeros. The descriptor
// is the one with the claim; for any other the kernel would find the disk busy.
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

bool LinuxBlockDevice::readsAsZeros(std::uint64_t offset, std::uint64_t length) {
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(length, limits::deviceZeroProofBytes));
  for (const std::uint64_t at : {offset, offset + length - bytes}) {
    transferAll({DeviceAction::readBack, at, proof_.get(), bytes, 0}, DeviceAction::zero);
    if (std::any_of(proof_.get(), proof_.get() + bytes, [](std::uint8_t byte) { return byte != 0; }))
      return false;
  }
  return true;
}

void LinuxBlockDevice::writeZeros(std::uint64_t begin, std::uint64_t end) {
  while (begin < end) {
    // To a multiple of the buffer first, so that all but the ends are aligned.
    const std::uint64_t stop =
        std::min(end, begin - begin % limits::deviceZeroBytes + limits::deviceZeroBytes);
    transferAll({DeviceAction::write, begin, zeros_.get(), static_cast<std::size_t>(stop - begin), 0},
                DeviceAction::zero);
    begin = stop;
  }
}

void LinuxBlockDevice::zeroRange(std::uint64_t offset, std::uint64_t length) {
  assert(access_ == DeviceAccess::exclusive);
  if (length == 0) return;
  if (offset > sizeBytes() || length > sizeBytes() - offset)
    throw DeviceError(DeviceAction::zero, ENOSPC, "zero", path(), static_cast<std::int64_t>(offset), length);
  const std::lock_guard lock(zeroing_);
  const std::uint64_t end = offset + length;
  const std::uint64_t alignment = alignmentBytes();
  const std::uint64_t wholeBegin = (offset + alignment - 1) / alignment * alignment;
  const std::uint64_t wholeEnd = end / alignment * alignment;
  if (!quickZeroing_ || wholeBegin >= wholeEnd) return writeZeros(offset, end);
  writeZeros(offset, wholeBegin);
  writeZeros(wholeEnd, end);
  quickZeroing_ =
      zeroQuickly(wholeBegin, wholeEnd - wholeBegin) && readsAsZeros(wholeBegin, wholeEnd - wholeBegin);
  if (!quickZeroing_) writeZeros(wholeBegin, wholeEnd);
}

} // namespace

std::unique_ptr<BlockDevice> openBlockDevice(const std::string& path, DeviceAccess access) {
  return std::make_unique<LinuxBlockDevice>(path, access);
}

} // namespace volley
