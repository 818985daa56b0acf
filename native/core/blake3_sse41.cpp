// BLAKE3 for SSE4.1 and SSSE3.
#include "core/blake3_lanes128.h"

namespace volley::blake3 {
namespace {

struct Sse41;

using Lone = lanes::Lone<lanes::Shuffles<Sse41>>;
using Table = lanes::Table<Lone, lanes::Four<lanes::Shuffles<Sse41>>>;
} // namespace

const Kernels sse41Kernels = {InstructionSet::sse41, Lone::compress, Table::chunks,
                              Table::zeroChunks,     Table::parents, Table::keyedTags};

} // namespace volley::blake3
