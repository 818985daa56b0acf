// What this processor, and the operating system under it, lets the SIMD kernels use.
#pragma once

namespace volley {

// A feature counts only when the system also saves the registers it needs (XCR0).
struct ProcessorFeatures {
  bool sse41 = false; // with SSSE3
  bool avx2 = false;
  bool avx512 = false; // F, BW and VL
  bool gfni = false;
};

// Asked of the processor once; any thread.
const ProcessorFeatures& processorFeatures();

} // namespace volley
