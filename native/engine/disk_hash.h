// The plain BLAKE3 of the first bytes of a disk, as the disk holds them: what proves a deployment afterwards.
#pragma once
#include "core/blake3.h"
#include "engine/task_control.h"
#include <cstdint>
#include <string>

namespace volley {

struct DiskHashOptions {
  std::string path;      // block device or file
  std::uint64_t bytes;   // from its start; at least 1
  std::uint32_t threads; // that hash, 1 to limits::storageThreadsMax; reads have threads of their own
};

struct DiskHash {
  blake3::Hash root{};
  bool direct = false; // read past the page cache
};

// Throws EngineError: E_DEVICE_OPEN, E_DEVICE_READ (with offset and chunk), E_DEVICE_TOO_SMALL, E_CANCELLED,
// E_OUT_OF_MEMORY.
DiskHash hashDisk(const DiskHashOptions& options, TaskControl& control);

} // namespace volley
