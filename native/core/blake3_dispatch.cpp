// Which BLAKE3 kernels this processor, under this operating system, can run.
#include "core/blake3_kernels.h"

#include <atomic>
#include <stdexcept>

#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif

namespace volley::blake3 {
namespace {

struct Registers {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// All zero for a leaf the processor does not have.
Registers cpuid(std::uint32_t leaf) {
#if defined(_MSC_VER)
  int values[4];
  __cpuid(values, 0);
  if (static_cast<std::uint32_t>(values[0]) < leaf) return {};
  __cpuidex(values, static_cast<int>(leaf), 0);
  return {static_cast<std::uint32_t>(values[0]), static_cast<std::uint32_t>(values[1]),
          static_cast<std::uint32_t>(values[2]), static_cast<std::uint32_t>(values[3])};
#else
  Registers registers;
  __get_cpuid_count(leaf, 0, &registers.eax, &registers.ebx, &registers.ecx, &registers.edx);
  return registers;
#endif
}

// XCR0: which registers the operating system saves. Only where cpuid says OSXSAVE.
std::uint64_t savedRegisters() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  // Not the compiler's intrinsic, which wants the whole file compiled for xsave.
  std::uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<std::uint64_t>(high) << 32 | low;
#endif
}

constexpr bool all(std::uint64_t value, std::uint64_t bits) {
  return (value & bits) == bits;
}

InstructionSet detect() {
  constexpr std::uint32_t ssse3 = 1u << 9, sse41 = 1u << 19, osxsave = 1u << 27,
                          avx = 1u << 28; // leaf 1, ecx
  constexpr std::uint32_t avx2 = 1u << 5, avx512f = 1u << 16, avx512bw = 1u << 30,
                          avx512vl = 1u << 31; // 7, ebx
  constexpr std::uint64_t ymmState = 0x06, zmmState = 0xE6;
  const std::uint32_t basic = cpuid(1).ecx;
  if (!all(basic, ssse3 | sse41)) return InstructionSet::scalar;
  if (!all(basic, osxsave | avx)) return InstructionSet::sse41;
  const std::uint32_t extended = cpuid(7).ebx;
  const std::uint64_t saved = savedRegisters();
  if (!all(extended, avx2) || !all(saved, ymmState)) return InstructionSet::sse41;
  if (!all(extended, avx512f | avx512bw | avx512vl) || !all(saved, zmmState)) return InstructionSet::avx2;
  return InstructionSet::avx512;
}

const Kernels& tableOf(InstructionSet set) {
  switch (set) {
  case InstructionSet::avx512:
    return avx512Kernels;
  case InstructionSet::avx2:
    return avx2Kernels;
  case InstructionSet::sse41:
    return sse41Kernels;
  case InstructionSet::scalar:
    break;
  }
  return scalarKernels;
}

// Inside a function, so that a hash taken while other files' globals are still being made finds it ready.
std::atomic<const Kernels*>& chosen() {
  static std::atomic<const Kernels*> table = &tableOf(best());
  return table;
}
} // namespace

InstructionSet best() {
  static const InstructionSet set = detect();
  return set;
}

bool supported(InstructionSet set) {
  return set <= best();
}

InstructionSet active() {
  return kernels().set;
}

void force(InstructionSet set) {
  if (!supported(set)) throw std::invalid_argument("BLAKE3: this processor does not support the forced set");
  chosen().store(&tableOf(set), std::memory_order_relaxed);
}

const Kernels& kernels() {
  return *chosen().load(std::memory_order_relaxed);
}

} // namespace volley::blake3
