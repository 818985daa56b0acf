// Which BLAKE3 kernels this processor, under this operating system, can run.
#include "core/blake3_kernels.h"
#include "core/processor.h"
#include <atomic>
#include <stdexcept>

namespace volley::blake3 {
namespace {

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
  const ProcessorFeatures& features = processorFeatures();
  if (features.avx512) return InstructionSet::avx512;
  if (features.avx2) return InstructionSet::avx2;
  return features.sse41 ? InstructionSet::sse41 : InstructionSet::scalar;
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
