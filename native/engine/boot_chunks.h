// The chunks that make a disk bootable: the first, which holds the partition table and boot code, and those at the
// end, which hold its backup. A disk that holds half an image must not boot, so they are cleared before anything
// else is written, kept in memory when they come, and written last. Safe on any thread.
#pragma once
#include "core/limits.h"
#include "engine/aligned_buffer.h"
#include "engine/image_facts.h"
#include "engine/session_inbox.h"
#include "port/block_device.h"
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace volley {

class BootChunks {
public:
  // Allocates room for all of them.
  BootChunks(const ImageFacts& image, BlockDevice& device);

  bool contains(std::uint32_t chunk) const; // one that is a hole is none
  std::vector<std::uint32_t> numbers() const;
  std::size_t bufferBytes() const { return chunks_.size() * limits::chunkBytes; }

  // Reads what the disk has of them and keeps what matches, except of those that have come by then; done once. Tells
  // what was found of each, before any that comes later can be kept.
  using Tell = std::function<void(std::uint32_t chunk, bool same)>;
  void inspect(const Tell& tell);

  // Has to be called before anything is written to the disk: inspects it if that is still to be done, then clears
  // the boot chunks and the last limits::edgeBytes of the device and flushes. Only the first call does anything.
  void clearBeforeWriting();

  // Keeps one that came, already checked.
  void keep(std::uint32_t chunk, std::span<const std::uint8_t> raw);

  // When everything else is on the disk, read back: flushes, writes them from memory, reads them back into `scratch`
  // (a chunk long, aligned), and flushes again. Does nothing where nothing was ever written and nothing has to be.
  // Returns early once the inbox says stop. Throws EngineError E_DEVICE_MISMATCH, and DeviceError.
  void writeAll(DeviceQueue& queue, std::span<std::uint8_t> scratch, const SessionInbox& inbox);

private:
  struct Chunk {
    std::uint32_t number;
    bool same; // the disk held it at the start
    bool kept; // it has come, and `bytes` are the image's
    AlignedBuffer bytes;
  };
  Chunk* find(std::uint32_t chunk);
  void inspectLocked();
  void clearLocked();
  void writeOne(DeviceQueue& queue, Chunk& chunk, std::span<std::uint8_t> scratch);

  const ImageFacts& image_;
  BlockDevice& device_;
  std::mutex mutex_;
  bool inspected_ = false;
  bool cleared_ = false;
  std::vector<std::uint32_t> edges_; // holes included: they are cleared too
  std::vector<Chunk> chunks_;
};

} // namespace volley
