// What this processor, and the operating system under it, lets Reed-Solomon's kernels use.
#pragma once

namespace volley::rs {

// A feature counts only when the system also saves the registers it needs (XCR0).
struct ProcessorFeatures {
  bool ssse3 = false; // with SSE4.1
  bool avx2 = false;
  bool gfni512 = false; // AVX-512 F, BW and VL with GFNI
};

ProcessorFeatures detectProcessorFeatures();

} // namespace volley::rs
