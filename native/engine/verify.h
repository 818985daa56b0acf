// Compares a content file with its manifest, chunk by chunk, on all threads.
#pragma once
#include "core/manifest.h"
#include "engine/task_control.h"
#include <string>
#include <vector>

namespace volley {

struct VerifyOptions {
  Manifest manifest;
  std::string contentPath;
  std::uint32_t threads; // 1 to limits::storageThreadsMax
};

// The chunks whose stored bytes are missing, do not decompress or do not hash to what the manifest says, in
// order. Reads the disk rather than the page cache where the system lets it forget. Holes hold no bytes, but
// what the manifest says of them is checked too. Throws EngineError: E_CONTENT_READ, E_CONTENT_CORRUPT (the
// file goes on after the last chunk), E_CANCELLED, E_OUT_OF_MEMORY.
std::vector<std::uint32_t> verifyContent(const VerifyOptions& options, TaskControl& control);

} // namespace volley
