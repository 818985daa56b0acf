#include "linux/device_file.h"
#include "core/limits.h"
#include "linux/signal_block.h"
#include <algorithm>
#include <cassert>
#include <chrono>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <thread>

namespace volley {
namespace {

// A file system's direct transfers are never asked to be aligned to more than this.
constexpr std::uint32_t fileAlignmentBytes = 4096;

// Runs `attempt` until it does not fail for the reason that somebody else has the device; gives its result.
template <class Attempt> int whileBusy(Attempt attempt) {
  for (int left = limits::deviceOpenAttempts;; --left) {
    const int result = attempt();
    if (result >= 0 || (errno != EBUSY && errno != EWOULDBLOCK && errno != EINTR) || left == 1) return result;
    std::this_thread::sleep_for(std::chrono::milliseconds(limits::deviceOpenPause_ms));
  }
}

DeviceFile::Kind kindOf(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw DeviceError(DeviceAction::open, errno, "stat", path);
  if (S_ISBLK(status.st_mode)) return DeviceFile::Kind::blockDevice;
  if (S_ISREG(status.st_mode)) return DeviceFile::Kind::regularFile;
  throw DeviceError(DeviceAction::open, ENOTBLK, "stat", path);
}

int openFlags(DeviceAccess access) {
  return (access == DeviceAccess::exclusive ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY;
}

Descriptor openOrThrow(const std::string& path, int flags) {
  const int descriptor = whileBusy([&] { return ::open(path.c_str(), flags); });
  if (descriptor < 0) throw DeviceError(DeviceAction::open, errno, "open", path);
  return Descriptor(descriptor);
}

} // namespace

DeviceFile::DeviceFile(std::string path, DeviceAccess access)
    : path_(std::move(path)), kind_(kindOf(path_)), uncached_(openUncached(access)),
      cached_(openOrThrow(path_, openFlags(access))) {
  if (access == DeviceAccess::exclusive) lock();
  measure();
  if (access == DeviceAccess::exclusive && kind_ == Kind::regularFile) {
    // Later this would be a signal that ends the program.
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < sizeBytes_)
      throw DeviceError(DeviceAction::open, EFBIG, "getrlimit", path_);
  }
  if (direct() && (livesInMemory() || directReadRefused())) direct_ = false;
}

Descriptor DeviceFile::openUncached(DeviceAccess access) {
  // The kernel takes O_EXCL alone as: fail where the disk or a partition of it is mounted or claimed.
  const bool claims = access == DeviceAccess::exclusive && kind_ == Kind::blockDevice;
  const int flags = openFlags(access) | (claims ? O_EXCL : 0);
  try {
    return openOrThrow(path_, flags | O_DIRECT);
  } catch (const DeviceError& error) {
    if (error.systemError != EINVAL) throw;
    direct_ = false;
    return openOrThrow(path_, flags);
  }
}

// Keeps a second writer off a file, and udev from probing a disk that is half written.
void DeviceFile::lock() const {
  if (whileBusy([&] { return ::flock(uncached_.get(), LOCK_EX | LOCK_NB); }) != 0)
    throw DeviceError(DeviceAction::open, errno == EWOULDBLOCK ? EBUSY : errno, "flock", path_);
}

void DeviceFile::measure() {
  if (kind_ == Kind::blockDevice) {
    int sector = 0;
    if (::ioctl(cached_.get(), BLKGETSIZE64, &sizeBytes_) != 0)
      throw DeviceError(DeviceAction::open, errno, "BLKGETSIZE64", path_);
    if (::ioctl(cached_.get(), BLKSSZGET, &sector) != 0)
      throw DeviceError(DeviceAction::open, errno, "BLKSSZGET", path_);
    logicalSectorBytes_ = static_cast<std::uint32_t>(sector);
    if (logicalSectorBytes_ > fileAlignmentBytes) // larger than the buffers are aligned to
      throw DeviceError(DeviceAction::open, ENOTSUP, "BLKSSZGET", path_);
    alignmentBytes_ = logicalSectorBytes_;
    return;
  }
  struct stat status {};
  if (::fstat(cached_.get(), &status) != 0) throw DeviceError(DeviceAction::open, errno, "fstat", path_);
  sizeBytes_ = static_cast<std::uint64_t>(status.st_size);
  alignmentBytes_ = fileAlignmentBytes;
}

// tmpfs accepts direct access and has nothing but its cache.
bool DeviceFile::livesInMemory() const {
  struct statfs system {};
  return kind_ == Kind::regularFile && ::fstatfs(cached_.get(), &system) == 0 &&
         (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
}

// Some file systems open a file for direct access and refuse it afterwards.
bool DeviceFile::directReadRefused() const {
  alignas(fileAlignmentBytes) std::uint8_t probe[fileAlignmentBytes];
  return ::pread(uncached_.get(), probe, alignmentBytes_, 0) < 0 && errno == EINVAL;
}

bool DeviceFile::goesDirect(std::uint64_t offset, const std::uint8_t* buffer, std::size_t length) const {
  const std::uint64_t together = offset | length | reinterpret_cast<std::uintptr_t>(buffer);
  return direct() && length != 0 && together % alignmentBytes_ == 0;
}

int DeviceFile::forget(std::uint64_t offset, std::uint64_t length) const {
  const auto from = static_cast<off_t>(offset);
  const auto bytes = static_cast<off_t>(length);
  const unsigned writeOut = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  // A file system may not know the call; an error of the disk is told once and must be heard.
  if (::sync_file_range(cached_.get(), from, bytes, writeOut) != 0 &&
      (errno == EIO || errno == ENOSPC || errno == EDQUOT))
    return errno;
  ::posix_fadvise(cached_.get(), from, bytes, POSIX_FADV_DONTNEED); // advice: its failure changes no result
  return 0;
}

void DeviceFile::read(DeviceCompletion& completion) {
  const DeviceOperation& operation = completion.operation;
  while (completion.transferred < operation.length) {
    const std::uint64_t offset = operation.offset + completion.transferred;
    std::uint8_t* buffer = operation.buffer + completion.transferred;
    const std::size_t length = operation.length - completion.transferred;
    const bool direct = goesDirect(offset, buffer, length);
    const ssize_t got =
        ::pread(direct ? uncached_.get() : cached_.get(), buffer, length, static_cast<off_t>(offset));
    if (got == 0) return;
    if (got > 0) {
      completion.transferred += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      completion.systemError = errno;
      completion.call = "pread";
      return;
    }
  }
}

void DeviceFile::write(DeviceCompletion& completion) {
  const DeviceOperation& operation = completion.operation;
  const SignalBlock noFileSizeSignal(SIGXFSZ); // EFBIG says the same
  while (completion.transferred < operation.length) {
    const std::uint64_t offset = operation.offset + completion.transferred;
    const std::uint8_t* buffer = operation.buffer + completion.transferred;
    const std::uint64_t room = offset < sizeBytes_ ? sizeBytes_ - offset : 0;
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(room, operation.length - completion.transferred));
    const bool direct = goesDirect(offset, buffer, length);
    const ssize_t put = length == 0 ? -1
                                    : ::pwrite(direct ? uncached_.get() : cached_.get(), buffer, length,
                                               static_cast<off_t>(offset));
    if (put > 0) {
      completion.transferred += static_cast<std::size_t>(put);
      continue;
    }
    const int error = length == 0 ? ENOSPC : put == 0 ? EIO : errno;
    if (error == EINTR) continue;
    if (error == EINVAL && direct) {
      direct_ = false; // a file system that reads directly and does not write so
      continue;
    }
    completion.systemError = error;
    completion.call = "pwrite";
    return;
  }
}

DeviceCompletion DeviceFile::transfer(const DeviceOperation& operation) {
  DeviceCompletion completion{operation, 0, 0, nullptr};
  switch (operation.action) {
  case DeviceAction::write:
    write(completion);
    break;
  case DeviceAction::readBack:
    if (!goesDirect(operation.offset, operation.buffer, operation.length)) {
      completion.systemError = forget(operation.offset, operation.length);
      completion.call = completion.systemError != 0 ? "sync_file_range" : nullptr;
    }
    if (completion.systemError == 0) read(completion);
    break;
  case DeviceAction::read:
    read(completion);
    break;
  default:
    assert(!"an operation reads or writes");
  }
  return completion;
}

} // namespace volley
