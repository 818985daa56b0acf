#include "engine/disk_rewrite.h"
#include "core/limits.h"
#include "engine/aligned_buffer.h"
#include "engine/carry_out.h"
#include "engine/device_failure.h"
#include "engine/port_failure.h"
#include <algorithm>
#include <cassert>
#include <cstring>

namespace volley {
namespace {

constexpr std::size_t stepBytes = limits::chunkBytes;
constexpr std::size_t alignment = 4096;

class DiskRewriting {
public:
  DiskRewriting(const DiskRewriteOptions& options, TaskControl& control)
      : options_(options), control_(control), disk_(openBlockDevice(options.path, DeviceAccess::exclusive)),
        bytes_(stepBytes, alignment), scratch_(stepBytes, alignment), queue_(disk_->makeQueue(1)) {}

  void run() {
    control_.begin(checkedBytes());
    for (const DiskMove& one : options_.moves) move(one);
    disk_->flush();
    control_.throwIfCancelled();
    for (const DiskPiece& piece : options_.pieces) write(piece);
    disk_->flush();
  }

private:
  // How many are to be written.
  std::uint64_t checkedBytes() const {
    std::uint64_t total = 0;
    for (const DiskMove& one : options_.moves) {
      checkRange(one.from, one.bytes);
      checkRange(one.to, one.bytes);
      total += one.bytes;
    }
    for (const DiskPiece& piece : options_.pieces) {
      checkRange(piece.offset, piece.bytes.size());
      total += piece.bytes.size();
    }
    return total;
  }

  void checkRange(std::uint64_t offset, std::uint64_t bytes) const {
    const std::uint64_t sector = disk_->logicalSectorBytes();
    if (offset % sector != 0 || bytes % sector != 0)
      throw EngineError(code::internal, "what is to be rewritten is no whole number of sectors")
          .on(options_.path, static_cast<std::int64_t>(offset));
    if (offset <= disk_->sizeBytes() && bytes <= disk_->sizeBytes() - offset) return;
    throw EngineError(code::deviceTooSmall, "the disk ends inside what is to be rewritten")
        .on(options_.path, static_cast<std::int64_t>(offset));
  }

  // Towards the end of the disk from the last bytes on, else from the first: so no range is written before it was read.
  void move(const DiskMove& one) {
    const bool backward = one.to > one.from;
    for (std::uint64_t done = 0; done < one.bytes;) {
      control_.throwIfCancelled();
      const std::size_t length = std::min<std::uint64_t>(stepBytes, one.bytes - done);
      const std::uint64_t place = backward ? one.bytes - done - length : done;
      carryOut(*disk_, *queue_, {DeviceAction::read, one.from + place, bytes_.data(), length, 0});
      put(one.to + place, length);
      done += length;
    }
  }

  void write(const DiskPiece& piece) {
    for (std::size_t done = 0; done < piece.bytes.size();) {
      const std::size_t length = std::min(stepBytes, piece.bytes.size() - done);
      std::memcpy(bytes_.data(), piece.bytes.data() + done, length);
      put(piece.offset + done, length);
      done += length;
    }
  }

  void put(std::uint64_t offset, std::size_t length) {
    carryOut(*disk_, *queue_, {DeviceAction::write, offset, bytes_.data(), length, 0});
    std::memset(scratch_.data(), 0xa5, length);
    carryOut(*disk_, *queue_, {DeviceAction::readBack, offset, scratch_.data(), length, 0});
    if (std::memcmp(bytes_.data(), scratch_.data(), length) != 0)
      throw EngineError(code::deviceMismatch, "the disk gives other bytes than were written")
          .on(options_.path, static_cast<std::int64_t>(offset));
    control_.advance(length);
  }

  const DiskRewriteOptions& options_;
  TaskControl& control_;
  std::unique_ptr<BlockDevice> disk_;
  AlignedBuffer bytes_;
  AlignedBuffer scratch_;
  std::unique_ptr<DeviceQueue> queue_; // goes first: it waits for what is in flight in the buffers
};

} // namespace

void rewriteDisk(const DiskRewriteOptions& options, TaskControl& control) {
  guardMemory([&] {
    try {
      DiskRewriting(options, control).run();
    } catch (const DeviceError& error) {
      throw fromDevice(error);
    }
  });
}

} // namespace volley
