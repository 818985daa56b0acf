// The file that holds the stored bytes of an image's chunks. Every member throws PortError with the call that
// failed.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace volley {

// Written once from start to end by one thread. Destroyed before `finish`, it removes the file.
class ContentWriter {
public:
  virtual ~ContentWriter() = default;
  virtual void append(std::span<const std::uint8_t> bytes) = 0;
  virtual std::uint64_t bytes() const = 0; // appended so far
  // Returns when the file is on stable storage.
  virtual void finish() = 0;
};

// Refuses a path at which there is something already.
std::unique_ptr<ContentWriter> createContent(const std::string& path);

// Read by any number of threads at a time.
class ContentReader {
public:
  virtual ~ContentReader() = default;
  virtual std::uint64_t bytes() const = 0;
  // Reads `out.size()` bytes from `offset`; gives fewer only where the file ends.
  virtual std::size_t read(std::span<std::uint8_t> out, std::uint64_t offset) const = 0;
  // Forgets what the system has cached, so that reads tell what the disk holds.
  virtual void dropCache() = 0;
};

std::unique_ptr<ContentReader> openContent(const std::string& path);

} // namespace volley
