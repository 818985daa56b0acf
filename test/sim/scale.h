#pragma once
#include <cstdint>

namespace volley_sim {
struct ScaleOptions {
  std::uint32_t receivers;
  double loss; // part of the datagrams each receiver loses
  bool burst;  // in bursts rather than each by itself
  std::uint64_t bytes;          // of the image
  std::uint32_t storedPerChunk; // bytes of a chunk as it is stored and sent
  std::uint64_t seed;
  double most; // times what one receiver needs: beyond it the run has failed
};
// How much more is sent to many lossy receivers than to one without loss; prints JSON.
int runScale(const ScaleOptions& options);
} // namespace volley_sim
