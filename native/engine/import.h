// Turns a raw image into content (docs/PROTOCOL.md 1): one pass over the source, compression and hashing on
// all threads, the content file written in order.
#pragma once
#include "core/manifest.h"
#include "engine/task_control.h"
#include <cstdint>
#include <string>
#include <vector>

namespace volley {

struct ImportOptions {
  std::string source;       // raw image: a file, a block device, or a FIFO
  std::uint64_t imageBytes; // that have to come from it
  std::string contentPath;  // created; nothing may be there yet
  std::uint32_t threads;    // 1 to limits::storageThreadsMax
  int level;                // zstd, 1 to 19
};

struct ImportResult {
  blake3::Hash root{};
  std::uint64_t contentBytes = 0;
  std::vector<ManifestChunk> chunks;
  std::vector<std::uint8_t> firstBytes; // of the image, at most limits::edgeBytes
  std::vector<std::uint8_t> lastBytes;
};

// Works on the calling thread and `threads` + 1 of its own, which have ended when it returns or throws. The
// content file is on stable storage when it returns, and removed when it throws. Throws EngineError:
// E_SOURCE_READ, E_IMAGE_TRUNCATED (the source is shorter or longer), E_CONTENT_WRITE, E_CANCELLED,
// E_OUT_OF_MEMORY.
ImportResult importContent(const ImportOptions& options, TaskControl& control);

} // namespace volley
