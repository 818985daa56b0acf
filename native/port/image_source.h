// Where a raw image is read from: a file, a block device, or a pipe. Read once, from start to end, by one
// thread. Every member throws PortError with the call that failed.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace volley {

class ImageSource {
public:
  virtual ~ImageSource() = default;

  // Bytes in all, where that is known beforehand; a pipe does not say.
  virtual std::optional<std::uint64_t> bytes() const = 0;

  // How many bytes from the present position are known to be zero without reading them, at most `most`.
  virtual std::uint64_t hole(std::uint64_t most) = 0;
  // Goes past them.
  virtual void skip(std::uint64_t bytes) = 0;

  // Reads at most `out.size()` bytes. Nothing when none came within `wait_ms`; 0 at the end.
  virtual std::optional<std::size_t> read(std::span<std::uint8_t> out, int wait_ms) = 0;
};

// Does not wait for a pipe's writer to come.
std::unique_ptr<ImageSource> openImageSource(const std::string& path);

} // namespace volley
