#include "core/processor.h"

#include <cstdint>

#ifdef _MSC_VER
#include <intrin.h>
#else
#include <cpuid.h>
#endif

namespace volley {
namespace {

struct Leaf {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf readLeaf(std::uint32_t leaf) {
  Leaf result;
#ifdef _MSC_VER
  int highest[4];
  __cpuid(highest, 0);
  if (static_cast<std::uint32_t>(highest[0]) < leaf) return result;
  int registers[4];
  __cpuidex(registers, static_cast<int>(leaf), 0);
  result = {static_cast<std::uint32_t>(registers[0]), static_cast<std::uint32_t>(registers[1]),
            static_cast<std::uint32_t>(registers[2]), static_cast<std::uint32_t>(registers[3])};
#else
  if (!__get_cpuid_count(leaf, 0, &result.eax, &result.ebx, &result.ecx, &result.edx)) return Leaf{};
#endif
  return result;
}

// Only where CPUID reports OSXSAVE. Not the compiler's intrinsic, which wants the file compiled for xsave.
std::uint64_t readEnabledState() {
#ifdef _MSC_VER
  return _xgetbv(0);
#else
  std::uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<std::uint64_t>(high) << 32 | low;
#endif
}

constexpr bool hasBit(std::uint64_t word, unsigned bit) {
  return word >> bit & 1;
}

ProcessorFeatures detect() {
  constexpr std::uint64_t vectorState = 0x06;    // SSE and AVX registers
  constexpr std::uint64_t vector512State = 0xe6; // those, the masks and both halves of the 512-bit registers
  ProcessorFeatures features;
  const Leaf basic = readLeaf(1);
  features.sse41 = hasBit(basic.ecx, 9) && hasBit(basic.ecx, 19);
  if (!features.sse41 || !hasBit(basic.ecx, 27) || !hasBit(basic.ecx, 28)) return features;
  const std::uint64_t enabled = readEnabledState();
  const Leaf extended = readLeaf(7);
  features.avx2 = (enabled & vectorState) == vectorState && hasBit(extended.ebx, 5);
  features.avx512 = features.avx2 && (enabled & vector512State) == vector512State && hasBit(extended.ebx, 16) &&
                    hasBit(extended.ebx, 30) && hasBit(extended.ebx, 31);
  features.gfni = hasBit(extended.ecx, 8);
  return features;
}

} // namespace

const ProcessorFeatures& processorFeatures() {
  static const ProcessorFeatures features = detect();
  return features;
}

} // namespace volley
