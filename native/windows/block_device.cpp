#include "port/block_device.h"
#include "core/limits.h"
#include "windows/device_control.h"
#include "windows/device_queue.h"
#include <algorithm>
#include <cassert>
#include <winioctl.h>

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

class WindowsBlockDevice final : public BlockDevice {
public:
  WindowsBlockDevice(const std::string& path, DeviceAccess access) : file_(path, access), access_(access) {
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
    return std::make_unique<OverlappedDeviceQueue>(file_, depth);
  }

  void read(std::span<std::uint8_t> out, std::uint64_t offset) override {
    transferAll({DeviceAction::read, offset, out.data(), out.size(), 0}, DeviceAction::read);
  }

  void zeroRange(std::uint64_t offset, std::uint64_t length) override;

  void flush() override {
    if (::FlushFileBuffers(file_.handle()) == 0)
      throw DeviceError(DeviceAction::flush, lastError(), "FlushFileBuffers", path());
  }

private:
  void transferAll(const DeviceOperation& operation, DeviceAction action) {
    const DeviceCompletion completion = file_.transfer(operation);
    if (!completion.failed()) return;
    throw DeviceError(action, completion.systemError,
                      completion.call != nullptr ? completion.call : "ReadFile", path(),
                      static_cast<std::int64_t>(operation.offset + completion.transferred),
                      operation.length - completion.transferred);
  }
  bool zeroQuickly(std::uint64_t offset, std::uint64_t length);
  bool readsAsZeros(std::uint64_t offset, std::uint64_t length);
  void writeZeros(std::uint64_t begin, std::uint64_t end);

  DeviceFile file_;
  const DeviceAccess access_;
  std::mutex zeroing_;       // guards what follows
  bool quickZeroing_ = true; // until it is refused or caught lying
  AlignedBytes zeros_, proof_;
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

bool WindowsBlockDevice::readsAsZeros(std::uint64_t offset, std::uint64_t length) {
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(length, limits::deviceZeroProofBytes));
  for (const std::uint64_t at : {offset, offset + length - bytes}) {
    transferAll({DeviceAction::readBack, at, proof_.get(), bytes, 0}, DeviceAction::zero);
    if (std::any_of(proof_.get(), proof_.get() + bytes, [](std::uint8_t byte) { return byte != 0; }))
      return false;
  }
  return true;
}

void WindowsBlockDevice::writeZeros(std::uint64_t begin, std::uint64_t end) {
  while (begin < end) {
    // To a multiple of the buffer first, so that all but the ends are aligned.
    const std::uint64_t stop =
        std::min(end, begin - begin % limits::deviceZeroBytes + limits::deviceZeroBytes);
    transferAll({DeviceAction::write, begin, zeros_.get(), static_cast<std::size_t>(stop - begin), 0},
                DeviceAction::zero);
    begin = stop;
  }
}

void WindowsBlockDevice::zeroRange(std::uint64_t offset, std::uint64_t length) {
  assert(access_ == DeviceAccess::exclusive);
  if (length == 0) return;
  if (offset > sizeBytes() || length > sizeBytes() - offset)
    throw DeviceError(DeviceAction::zero, ERROR_DISK_FULL, "zero", path(), static_cast<std::int64_t>(offset),
                      length);
  const std::lock_guard lock(zeroing_);
  quickZeroing_ = quickZeroing_ && zeroQuickly(offset, length) && readsAsZeros(offset, length);
  if (!quickZeroing_) writeZeros(offset, offset + length);
}

} // namespace

std::unique_ptr<BlockDevice> openBlockDevice(const std::string& path, DeviceAccess access) {
  return std::make_unique<WindowsBlockDevice>(path, access);
}

} // namespace volley
