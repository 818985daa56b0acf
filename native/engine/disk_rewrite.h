// A disk that holds an image is made to fit: ranges of it move, and then small pieces are written, such as partition
// tables. The disk is claimed once for all of it, so that nobody looks at it in between.
#pragma once
#include "engine/task_control.h"
#include <cstdint>
#include <string>
#include <vector>

namespace volley {

struct DiskMove {
  std::uint64_t from; // all three are multiples of the disk's sector
  std::uint64_t to;   // the ranges may overlap
  std::uint64_t bytes;
};

struct DiskPiece {
  std::uint64_t offset; // like the length, a multiple of the disk's sector
  std::vector<std::uint8_t> bytes;
};

struct DiskRewriteOptions {
  std::string path;              // block device or file
  std::vector<DiskMove> moves;   // one after the other, in this order
  std::vector<DiskPiece> pieces; // after all moves are on stable storage
};

// What was written is read back past the cache and compared; everything is on stable storage afterwards. Counts the
// bytes of moves and pieces. Cancelled, it ends before the pieces, or not at all. Throws EngineError: E_DEVICE_OPEN,
// E_DEVICE_READ, E_DEVICE_WRITE, E_DEVICE_FLUSH, E_DEVICE_MISMATCH, E_DEVICE_TOO_SMALL (nothing was written),
// E_CANCELLED, E_OUT_OF_MEMORY.
void rewriteDisk(const DiskRewriteOptions& options, TaskControl& control);

} // namespace volley
