#include "port/content_file.h"
#include "core/limits.h"
#include "linux/descriptor.h"
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace volley {
namespace {

class LinuxContentWriter final : public ContentWriter {
public:
  LinuxContentWriter(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  ~LinuxContentWriter() override {
    if (!finished_) ::unlink(path_.c_str());
  }

  std::uint64_t bytes() const override { return bytes_; }

  void append(std::span<const std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(bytes_));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail("pwrite");
      bytes_ += static_cast<std::uint64_t>(put);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    writeBack();
  }

  void finish() override {
    if (::fdatasync(descriptor_.get()) != 0) fail("fdatasync");
    finished_ = true;
  }

private:
  // Keeps the disk busy from the start, so that `finish` has little left to wait for and a cancel is prompt:
  // what was written is handed to the disk in stretches, and the stretch before has to be there by then.
  void writeBack() {
    if (bytes_ - handedOver_ < limits::writebackBytes) return;
    syncRange(handedOver_, bytes_ - handedOver_, SYNC_FILE_RANGE_WRITE);
    if (handedOver_ >= limits::writebackBytes) {
      syncRange(handedOver_ - limits::writebackBytes, limits::writebackBytes, SYNC_FILE_RANGE_WAIT_BEFORE);
    }
    handedOver_ = bytes_;
  }

  void syncRange(std::uint64_t offset, std::uint64_t length, unsigned how) {
    if (::sync_file_range(descriptor_.get(), static_cast<off_t>(offset), static_cast<off_t>(length), how) ==
        0)
      return;
    // It is a hint that a file system may not know; but a disk's error is told only once, and so has to be
    // heard.
    if (errno == EIO || errno == ENOSPC || errno == EDQUOT) fail("sync_file_range");
  }

  Descriptor descriptor_;
  std::string path_;
  std::uint64_t bytes_ = 0;
  std::uint64_t handedOver_ = 0; // of them, to the disk
  bool finished_ = false;
};

class LinuxContentReader final : public ContentReader {
public:
  LinuxContentReader(Descriptor descriptor, std::uint64_t bytes)
      : descriptor_(std::move(descriptor)), bytes_(bytes) {}

  std::uint64_t bytes() const override { return bytes_; }

  std::size_t read(std::span<std::uint8_t> out, std::uint64_t offset) const override {
    std::size_t filled = 0;
    while (filled < out.size()) {
      const ssize_t got = ::pread(descriptor_.get(), out.data() + filled, out.size() - filled,
                                  static_cast<off_t>(offset + filled));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("pread");
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    return filled;
  }

  void dropCache() override { posix_fadvise(descriptor_.get(), 0, 0, POSIX_FADV_DONTNEED); }

private:
  Descriptor descriptor_;
  std::uint64_t bytes_;
};

} // namespace

std::unique_ptr<ContentWriter> createContent(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (descriptor.get() < 0) fail("open");
  return std::make_unique<LinuxContentWriter>(std::move(descriptor), path);
}

std::unique_ptr<ContentReader> openContent(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)); // does not wait on a FIFO
  if (descriptor.get() < 0) fail("open");
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) fail("fstat");
  if (!S_ISREG(status.st_mode)) {
    errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    fail("open");
  }
  return std::make_unique<LinuxContentReader>(std::move(descriptor),
                                              static_cast<std::uint64_t>(status.st_size));
}

} // namespace volley
