#include "port/image_source.h"
#include "linux/descriptor.h"
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace volley {
namespace {

constexpr int pipeBytes = 1 << 20;

// A file or block device: reads never wait, and holes can be asked for.
class SeekableSource final : public ImageSource {
public:
  SeekableSource(Descriptor descriptor, std::uint64_t bytes)
      : descriptor_(std::move(descriptor)), bytes_(bytes) {
    posix_fadvise(descriptor_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  }

  std::optional<std::uint64_t> bytes() const override { return bytes_; }

  std::uint64_t hole(std::uint64_t most) override {
    // One question finds a whole run of data; nothing is asked again inside it.
    if (position_ < dataEnd_ || position_ >= bytes_) return 0;
    const off_t data = ::lseek(descriptor_.get(), static_cast<off_t>(position_), SEEK_DATA);
    if (data < 0 && errno != ENXIO) {
      dataEnd_ = bytes_; // this file system or device does not tell: all counts as data
      return 0;
    }
    const auto dataStart =
        data < 0 ? bytes_ : std::min<std::uint64_t>(static_cast<std::uint64_t>(data), bytes_);
    if (dataStart > position_) return std::min(most, dataStart - position_);
    const off_t end = ::lseek(descriptor_.get(), static_cast<off_t>(position_), SEEK_HOLE);
    dataEnd_ = end < 0 ? bytes_ : static_cast<std::uint64_t>(end);
    return 0;
  }

  void skip(std::uint64_t bytes) override { position_ += bytes; }

  std::optional<std::size_t> read(std::span<std::uint8_t> out, int) override {
    for (;;) {
      const ssize_t got = ::pread(descriptor_.get(), out.data(), out.size(), static_cast<off_t>(position_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("pread");
      position_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
  }

private:
  Descriptor descriptor_;
  std::uint64_t bytes_;
  std::uint64_t position_ = 0;
  std::uint64_t dataEnd_ = 0; // data is known to reach from `position_` to here
};

// A FIFO, socket or character device: what comes, comes.
class StreamSource final : public ImageSource {
public:
  explicit StreamSource(Descriptor descriptor) : descriptor_(std::move(descriptor)) {
    ::fcntl(descriptor_.get(), F_SETPIPE_SZ, pipeBytes); // fewer wake-ups where the system allows it
  }

  std::optional<std::uint64_t> bytes() const override { return std::nullopt; }
  std::uint64_t hole(std::uint64_t) override { return 0; }
  void skip(std::uint64_t) override {}

  std::optional<std::size_t> read(std::span<std::uint8_t> out, int wait_ms) override {
    // A FIFO that no writer has opened yet reads as ended; poll alone knows the difference.
    pollfd ready{descriptor_.get(), POLLIN, 0};
    const int events = ::poll(&ready, 1, wait_ms);
    if (events < 0 && errno != EINTR) fail("poll");
    if (events <= 0) return std::nullopt;
    const ssize_t got = ::read(descriptor_.get(), out.data(), out.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (got < 0) fail("read");
    return static_cast<std::size_t>(got);
  }

private:
  Descriptor descriptor_;
};

} // namespace

std::unique_ptr<ImageSource> openImageSource(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) fail("open");
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) fail("fstat");
  if (S_ISREG(status.st_mode)) {
    return std::make_unique<SeekableSource>(std::move(descriptor),
                                            static_cast<std::uint64_t>(status.st_size));
  }
  if (S_ISBLK(status.st_mode)) {
    const off_t end = ::lseek(descriptor.get(), 0, SEEK_END);
    if (end < 0) fail("lseek");
    return std::make_unique<SeekableSource>(std::move(descriptor), static_cast<std::uint64_t>(end));
  }
  if (S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    fail("open");
  }
  return std::make_unique<StreamSource>(std::move(descriptor));
}

} // namespace volley
