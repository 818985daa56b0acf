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
constexpr std::uint32_t senderReplayWindow = 65536;
constexpr std::uint32_t receiverReplayWindow = 64;

constexpr std::uint32_t burstDatagrams = 44; // of one UDP_SEGMENT call
constexpr std::uint32_t receiverSlotsDefault = 256; // block buffers: 72 MB at 1408-byte symbols
constexpr std::uint32_t receiverSlotsMin = 16;
constexpr std::uint32_t receiversMax = 65536; // of one session
constexpr std::uint32_t movedPerAnnounce = 8; // fewer are all there are

constexpr std::uint32_t diskRewritesMax = 256;        // moves, and pieces, of one disk that is made to fit
constexpr std::uint32_t storageThreadsMax = 64;       // of one import, verification or hashing
constexpr std::uint32_t importSlotsPerThread = 2;     // chunks in the works, 2 MiB of buffers each
constexpr std::uint32_t importSlotsExtra = 4;         // so that reader and writer do not wait for each other
constexpr std::uint32_t hashReadsInFlight = 4;        // of a disk's hashing, beside the chunks being hashed
constexpr std::size_t edgeBytes = 64 * 1024;          // of an image's start and end, for partition tables
constexpr std::uint64_t writebackBytes = 32ull << 20; // written content that may wait in the page cache
constexpr int sourcePoll_ms = 20;                     // how soon a cancel is noticed while a source is silent

constexpr std::uint32_t deviceQueueDepthMax = 64; // operations in flight of one queue, a thread each
constexpr int deviceOpenAttempts = 20;            // while somebody else briefly holds the device ...
constexpr int deviceOpenPause_ms = 50;            // ... as udev does to look at it
constexpr std::size_t deviceZeroBytes = 1u << 20; // of one write where the device has no faster way to zero
constexpr std::size_t deviceZeroProofBytes = 64 * 1024; // read at both ends of what was zeroed the fast way

// The engine's sending and receiving ends.
constexpr std::size_t sentBlocks = 32;                 // kept in memory by a sender: 9 MB at 1408-byte symbols
constexpr std::size_t chunkBuffers = 24;               // of a receiver: chunks between check and read-back
constexpr std::uint32_t writesInFlight = 8;            // few enough that a cancel is prompt on a slow disk
constexpr std::uint32_t scanReadsInFlight = 4;         // of the scan, while nothing is written ...
constexpr std::uint32_t scanReadsBeside = 1;           // ... and while something is
constexpr std::uint32_t workerThreadsMax = 4;
constexpr std::uint64_t zeroPieceBytes = 8ull << 20;   // of one request to zero a hole
constexpr std::uint64_t zeroRunBytes = 64ull << 20;    // zeroed before what was zeroed is looked at again
constexpr std::uint32_t chunkRewrites = 3;             // of a chunk whose read-back did not match
constexpr std::uint32_t multicastRefusals = 6;        // of a chunk that came wrong, before the receiver gives up
constexpr std::uint32_t unicastRefusals = 3;           // the same by unicast
constexpr std::size_t receiverSlotBytes = 80u << 20;   // block buffers of a receiver, where symbols are large

// The unicast side (docs/PROTOCOL.md, Unicast).
constexpr std::size_t unicastConnections = 64;         // served at a time ...
constexpr std::size_t unicastConnectionsRefused = 64;  // ... and told to come back later
constexpr std::size_t unicastHeadBytes = 4096;         // of a request or an answer
constexpr std::size_t unicastTurnBytes = 256 * 1024;   // one connection sends before the next has its turn
constexpr std::size_t unicastPieceBytes = 64 * 1024;   // encrypted at a time
constexpr std::uint32_t unicastIdle_ms = 30'000;       // without progress, after which the server hangs up
constexpr std::uint32_t unicastProgress_ms = 10'000;   // without progress, after which a receiver gives up
constexpr std::uint32_t unicastConnect_ms = 3'000;
constexpr std::uint32_t unicastBackoffMin_ms = 250;    // between attempts, doubling
constexpr std::uint32_t unicastBackoffMax_ms = 5'000;
constexpr std::uint64_t unicastRangeBytes = 8ull << 20; // of one request
constexpr std::uint32_t unicastRangeChunks = 64;        // chunks of one request

// Raw packets (port/igmp.h).
constexpr std::size_t igmpPacketBytes = 1500;
constexpr std::size_t igmpArrivals = 256;              // taken in one go
constexpr std::size_t groupEarGroups = 16;
constexpr std::size_t groupEarPackets = 1024;          // looked at in one go

static_assert(symbolsPerBlock < symbolNumbers);
static_assert(interleavedBlocks <= receiverSlotsMin);
static_assert(edgeBytes <= chunkBytes && writebackBytes % chunkBytes == 0);
static_assert(deviceZeroProofBytes <= deviceZeroBytes && deviceZeroProofBytes % 4096 == 0);
static_assert(scanReadsBeside <= scanReadsInFlight && writesInFlight <= chunkBuffers);
static_assert(zeroPieceBytes <= zeroRunBytes && zeroRunBytes % chunkBytes == 0);
static_assert(receiverSlotBytes >= std::size_t{receiverSlotsMin} * symbolsPerBlock * symbolBytesMax);
static_assert(sentBlocks >= 2 * interleavedBlocks);
static_assert(unicastRangeBytes >= chunkBytes && unicastBackoffMin_ms <= unicastBackoffMax_ms);
static_assert(symbolBytesMax % 64 == 0 && symbolBytesMin % 64 == 0);

} // namespace volley::limits
