// The descriptors of an open disk and the transfers through them: direct where the file system and the
// alignment allow, through the cache otherwise. Safe on any thread.
#pragma once
#include "linux/descriptor.h"
#include "port/block_device.h"
#include <atomic>
#include <cerrno>

namespace volley {

class DeviceFile {
public:
  enum class Kind { blockDevice, regularFile };
  static constexpr const char* readCall = "pread";
  static constexpr int diskFullError = ENOSPC;

  DeviceFile(std::string path, DeviceAccess access); // throws DeviceError

  const std::string& path() const { return path_; }
  Kind kind() const { return kind_; }
  std::uint64_t sizeBytes() const { return sizeBytes_; }
  std::uint32_t logicalSectorBytes() const { return logicalSectorBytes_; }
  std::uint32_t alignmentBytes() const { return alignmentBytes_; }
  bool direct() const { return direct_.load(std::memory_order_relaxed); }
  int cachedDescriptor() const { return cached_.get(); }
  int claimingDescriptor() const { return uncached_.get(); }

  // Carries the operation out and says how far it came; never throws.
  DeviceCompletion transfer(const DeviceOperation& operation);

private:
  Descriptor openUncached(DeviceAccess access);
  void lock() const;
  void measure();
  bool livesInMemory() const;
  bool directReadRefused() const;
  bool goesDirect(std::uint64_t offset, const std::uint8_t* buffer, std::size_t length) const;
  // Has the range written out and forgotten. Gives the errno of a failed write-out, else 0.
  int forget(std::uint64_t offset, std::uint64_t length) const;
  void read(DeviceCompletion& completion);
  void write(DeviceCompletion& completion);

  const std::string path_;
  const Kind kind_;
  std::atomic<bool> direct_{true};
  Descriptor uncached_; // for direct transfers; with exclusive access it also holds the claim
  Descriptor cached_;
  std::uint64_t sizeBytes_ = 0;
  std::uint32_t logicalSectorBytes_ = 512;
  std::uint32_t alignmentBytes_ = 4096;
};

} // namespace volley
