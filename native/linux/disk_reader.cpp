#include "port/disk_reader.h"
#include "linux/descriptor.h"
#include <atomic>
#include <cassert>
#include <fcntl.h>
#include <sys/stat.h>

namespace volley {
namespace {

class LinuxDiskReader final : public DiskReader {
public:
  LinuxDiskReader(Descriptor direct, Descriptor cached, std::uint64_t bytes)
      : direct_(std::move(direct)), cached_(std::move(cached)), bytes_(bytes),
        useDirect_(direct_.get() >= 0) {
    if (!useDirect_) forget();
  }

  std::uint64_t bytes() const override { return bytes_; }
  bool direct() const override { return useDirect_; }

  std::size_t read(std::span<std::uint8_t> out, std::uint64_t offset) override {
    assert(offset % alignment == 0 && out.size() % alignment == 0);
    assert(reinterpret_cast<std::uintptr_t>(out.data()) % alignment == 0);
    std::size_t filled = 0;
    while (filled < out.size()) {
      const bool direct = useDirect_ && filled % alignment == 0;
      const ssize_t got = ::pread(direct ? direct_.get() : cached_.get(), out.data() + filled,
                                  out.size() - filled, static_cast<off_t>(offset + filled));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EINVAL && direct) {
        // Some file systems take the flag and refuse the read.
        if (useDirect_.exchange(false)) forget();
        continue;
      }
      if (got < 0) fail("pread");
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    return filled;
  }

private:
  void forget() { posix_fadvise(cached_.get(), 0, 0, POSIX_FADV_DONTNEED); }

  Descriptor direct_;
  Descriptor cached_; // for what direct reads cannot give: the rest of a disk that ends inside a sector
  std::uint64_t bytes_;
  std::atomic<bool> useDirect_;
};

} // namespace

std::unique_ptr<DiskReader> openDiskReader(const std::string& path) {
  Descriptor cached(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (cached.get() < 0) fail("open");
  struct stat status {};
  if (::fstat(cached.get(), &status) != 0) fail("fstat");
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
    errno = S_ISDIR(status.st_mode) ? EISDIR : ENOTBLK;
    fail("open");
  }
  const off_t end = ::lseek(cached.get(), 0, SEEK_END);
  if (end < 0) fail("lseek");
  Descriptor direct(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));
  if (direct.get() < 0 && errno != EINVAL) fail("open");
  return std::make_unique<LinuxDiskReader>(std::move(direct), std::move(cached),
                                           static_cast<std::uint64_t>(end));
}

} // namespace volley
