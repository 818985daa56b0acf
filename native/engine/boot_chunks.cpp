#include "engine/boot_chunks.h"
#include "engine/carry_out.h"
#include <algorithm>
#include <cassert>
#include <cstring>

namespace volley {
namespace {

constexpr std::size_t alignment = 4096;

std::size_t roundUp(std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

} // namespace

BootChunks::BootChunks(const ImageFacts& image, BlockDevice& device) : image_(image), device_(device) {
  const std::uint32_t last = image.chunks() - 1;
  const std::uint64_t edge = image.manifest().imageBytes - std::min<std::uint64_t>(image.manifest().imageBytes,
                                                                                   limits::edgeBytes);
  const auto firstOfEnd = static_cast<std::uint32_t>(edge / limits::chunkBytes);
  for (std::uint32_t chunk = 0; chunk <= last; ++chunk) {
    if (chunk > 0 && chunk < firstOfEnd) chunk = firstOfEnd;
    edges_.push_back(chunk);
    if (!image.hole(chunk))
      chunks_.push_back({chunk, false, false, AlignedBuffer(roundUp(image.bytes(chunk)), alignment)});
  }
}

BootChunks::Chunk* BootChunks::find(std::uint32_t chunk) {
  const auto found = std::ranges::find(chunks_, chunk, &Chunk::number);
  return found == chunks_.end() ? nullptr : &*found;
}

bool BootChunks::contains(std::uint32_t chunk) const {
  return std::ranges::find(chunks_, chunk, &Chunk::number) != chunks_.end();
}

std::vector<std::uint32_t> BootChunks::numbers() const {
  std::vector<std::uint32_t> numbers;
  for (const Chunk& chunk : chunks_) numbers.push_back(chunk.number);
  return numbers;
}

void BootChunks::inspect(const Tell& tell) {
  const std::lock_guard lock(mutex_);
  inspectLocked();
  for (const Chunk& chunk : chunks_) {
    if (!chunk.kept) tell(chunk.number, chunk.same);
  }
}

void BootChunks::inspectLocked() {
  if (inspected_) return;
  inspected_ = true;
  const std::unique_ptr<DeviceQueue> queue = device_.makeQueue(1);
  for (Chunk& chunk : chunks_) {
    if (chunk.kept) continue; // a small image may be here before the disk was looked at
    const std::span<std::uint8_t> bytes{chunk.bytes.data(), image_.bytes(chunk.number)};
    const std::uint64_t offset = image_.offset(chunk.number);
    try {
      carryOut(device_, *queue, {DeviceAction::readBack, offset, bytes.data(), bytes.size(), 0}, chunk.number);
      chunk.same = image_.matches(chunk.number, bytes);
    } catch (const EngineError&) {
      chunk.same = false; // a sector that cannot be read may well be written
    }
  }
}

void BootChunks::clearBeforeWriting() {
  const std::lock_guard lock(mutex_);
  clearLocked();
}

void BootChunks::clearLocked() {
  if (cleared_) return;
  inspectLocked();
  for (const std::uint32_t chunk : edges_) device_.zeroRange(image_.offset(chunk), image_.bytes(chunk));
  const std::uint64_t edge = std::min<std::uint64_t>(limits::edgeBytes, device_.sizeBytes());
  device_.zeroRange(device_.sizeBytes() - edge, edge);
  device_.flush();
  cleared_ = true;
}

void BootChunks::keep(std::uint32_t chunk, std::span<const std::uint8_t> raw) {
  const std::lock_guard lock(mutex_);
  Chunk* kept = find(chunk);
  assert(kept && raw.size() == image_.bytes(chunk));
  std::memcpy(kept->bytes.data(), raw.data(), raw.size());
  kept->kept = true;
}

void BootChunks::writeAll(DeviceQueue& queue, std::span<std::uint8_t> scratch, const SessionInbox& inbox) {
  const std::lock_guard lock(mutex_);
  if (!cleared_ && std::ranges::all_of(chunks_, &Chunk::same)) return;
  clearLocked();
  device_.flush();
  for (Chunk& chunk : chunks_) {
    if (inbox.stopped()) return;
    writeOne(queue, chunk, scratch);
  }
  device_.flush();
}

void BootChunks::writeOne(DeviceQueue& queue, Chunk& chunk, std::span<std::uint8_t> scratch) {
  const std::size_t bytes = image_.bytes(chunk.number);
  const std::uint64_t offset = image_.offset(chunk.number);
  for (std::uint32_t attempt = 0; attempt <= limits::chunkRewrites; ++attempt) {
    carryOut(device_, queue, {DeviceAction::write, offset, chunk.bytes.data(), bytes, 0}, chunk.number);
    std::memset(scratch.data(), 0xa5, bytes);
    carryOut(device_, queue, {DeviceAction::readBack, offset, scratch.data(), bytes, 0}, chunk.number);
    if (image_.matches(chunk.number, scratch.first(bytes))) return;
  }
  throw EngineError(code::deviceMismatch, "the disk gives other bytes than were written")
      .on(device_.path(), static_cast<std::int64_t>(offset))
      .inChunk(chunk.number);
}

} // namespace volley
