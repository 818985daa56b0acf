// Every bound of the native side in one place, with the relations between them asserted.
#pragma once
#include <cstddef>
#include <cstdint>

namespace volley::limits {

constexpr std::uint32_t chunkBytes = 1u << 20;
constexpr std::uint64_t imageBytesMax = 1ull << 46; // 64 TiB
constexpr std::uint32_t symbolsPerBlock = 200;
constexpr std::uint32_t symbolNumbers = 256; // source and parity: GF(2^8)
constexpr std::uint32_t symbolBytesMin = 256;
constexpr std::uint32_t symbolBytesMax = 8896; // MTU 9000
constexpr std::uint32_t interleavedBlocks = 8;

constexpr std::size_t headerBytes = 28;
constexpr std::size_t tagBytes = 16;
constexpr std::size_t datagramBytesMax = headerBytes + symbolBytesMax + tagBytes;
constexpr std::uint32_t senderReplayWindow = 65536;
constexpr std::uint32_t receiverReplayWindow = 64;

constexpr std::uint32_t burstDatagrams = 44; // of one UDP_SEGMENT call
constexpr std::uint32_t receiverSlotsDefault = 256; // block buffers: 72 MB at 1408-byte symbols
constexpr std::uint32_t receiverSlotsMin = 16;
constexpr std::uint32_t receiversMax = 65536; // of one session

static_assert(symbolsPerBlock < symbolNumbers);
static_assert(interleavedBlocks <= receiverSlotsMin);
static_assert(symbolBytesMax % 64 == 0 && symbolBytesMin % 64 == 0);

} // namespace volley::limits
