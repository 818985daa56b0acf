// Reads a disk, or a file of a disk's size, past the page cache, so that what is read is what the disk holds.
// Any number of threads may read at a time; each read waits. Every member throws PortError with the call that
// failed.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace volley {

class DiskReader {
public:
  // What offset, length and memory of a read have to be a multiple of.
  static constexpr std::size_t alignment = 4096;

  virtual ~DiskReader() = default;
  virtual std::uint64_t bytes() const = 0;
  // Reads `out.size()` bytes from `offset`; gives fewer only where the disk ends.
  virtual std::size_t read(std::span<std::uint8_t> out, std::uint64_t offset) = 0;
  // Whether reads pass by the cache. Where the system refuses that, it is asked once, at the opening, to
  // forget what it has cached.
  virtual bool direct() const = 0;
};

std::unique_ptr<DiskReader> openDiskReader(const std::string& path);

} // namespace volley
