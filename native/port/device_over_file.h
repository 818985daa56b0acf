// What a disk, or a regular file used as one, does the same way on every system: whole reads, zeros that are
// proved or written, what failed and where. A system adds its quick way to zeros and its flush.
#pragma once
#include "core/limits.h"
#include "port/block_device.h"
#include <algorithm>
#include <cassert>
#include <mutex>
#include <new>

namespace volley {

// `File` is the open disk of the system: path, sizes, `transfer` (which never throws), and two of the names
// it has there, `readCall` and `diskFullError`. `Queue` is its DeviceQueue, made of a file and a depth.
template <class File, class Queue> class DeviceOverFile : public BlockDevice {
public:
  DeviceOverFile(const std::string& path, DeviceAccess access) : file_(path, access), access_(access) {
    if (access_ != DeviceAccess::exclusive) return;
    zeros_ = allocateZeros(limits::deviceZeroBytes);
    proof_ = allocateZeros(limits::deviceZeroProofBytes);
  }

  const std::string& path() const final { return file_.path(); }
  std::uint64_t sizeBytes() const final { return file_.sizeBytes(); }
  std::uint32_t logicalSectorBytes() const final { return file_.logicalSectorBytes(); }
  std::uint32_t alignmentBytes() const final { return file_.alignmentBytes(); }
  bool bypassesCache() const final { return file_.direct(); }

  std::unique_ptr<DeviceQueue> makeQueue(std::uint32_t depth) final {
    return std::make_unique<Queue>(file_, depth);
  }

  void read(std::span<std::uint8_t> out, std::uint64_t offset) final {
    transferAll({DeviceAction::read, offset, out.data(), out.size(), 0}, DeviceAction::read);
  }

  void zeroRange(std::uint64_t offset, std::uint64_t length) final {
    assert(access_ == DeviceAccess::exclusive);
    if (length == 0) return;
    if (offset > sizeBytes() || length > sizeBytes() - offset)
      throw DeviceError(DeviceAction::zero, File::diskFullError, "zero", path(),
                        static_cast<std::int64_t>(offset), length);
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

protected:
  // Has the system make an aligned range zeros without their being sent; false where it has no quick way to.
  virtual bool zeroQuickly(std::uint64_t offset, std::uint64_t length) = 0;

  File file_;

private:
  static constexpr std::size_t bufferAlignmentBytes = 4096;
  struct AlignedDelete {
    void operator()(std::uint8_t* bytes) const {
      ::operator delete (bytes, std::align_val_t{bufferAlignmentBytes});
    }
  };
  using AlignedBytes = std::unique_ptr<std::uint8_t, AlignedDelete>;

  static AlignedBytes allocateZeros(std::size_t bytes) {
    AlignedBytes result(
        static_cast<std::uint8_t*>(::operator new (bytes, std::align_val_t{bufferAlignmentBytes})));
    std::fill_n(result.get(), bytes, std::uint8_t{0});
    return result;
  }

  void transferAll(const DeviceOperation& operation, DeviceAction action) {
    const DeviceCompletion completion = file_.transfer(operation);
    if (!completion.failed()) return;
    throw DeviceError(action, completion.systemError,
                      completion.call != nullptr ? completion.call : File::readCall, path(),
                      static_cast<std::int64_t>(operation.offset + completion.transferred),
                      operation.length - completion.transferred);
  }

  bool readsAsZeros(std::uint64_t offset, std::uint64_t length) {
    const auto bytes =
        static_cast<std::size_t>(std::min<std::uint64_t>(length, limits::deviceZeroProofBytes));
    for (const std::uint64_t at : {offset, offset + length - bytes}) {
      transferAll({DeviceAction::readBack, at, proof_.get(), bytes, 0}, DeviceAction::zero);
      if (std::any_of(proof_.get(), proof_.get() + bytes, [](std::uint8_t byte) { return byte != 0; }))
        return false;
    }
    return true;
  }

  void writeZeros(std::uint64_t begin, std::uint64_t end) {
    while (begin < end) {
      // To a multiple of the buffer first, so that all but the ends are aligned.
      const std::uint64_t stop =
          std::min(end, begin - begin % limits::deviceZeroBytes + limits::deviceZeroBytes);
      transferAll({DeviceAction::write, begin, zeros_.get(), static_cast<std::size_t>(stop - begin), 0},
                  DeviceAction::zero);
      begin = stop;
    }
  }

  const DeviceAccess access_;
  std::mutex zeroing_;       // guards what follows
  bool quickZeroing_ = true; // until the device refuses it or is caught lying
  AlignedBytes zeros_, proof_;
};

} // namespace volley
