// The receiving end of a multicast session as a sans-IO machine. Authenticated datagrams, what the disk was found
// to hold, and the time go in; where to put a symbol, which chunks can be written, reports, and what to fetch by
// unicast come out. It never sees payload bytes. Memory is allocated at construction. One thread at a time.
#pragma once
#include "core/codec.h"
#include "core/layout.h"
#include "core/sender.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace volley {

struct ReceiverConfig {
  std::uint32_t receiver;  // number from the join answer
  std::uint32_t slots;     // block buffers the driver owns, at least limits::receiverSlotsMin
  std::uint32_t groupSize; // receivers the site knows of at the join
  // Ask at once for chunks whose state is unknown (a disk that is taken to hold nothing of the image), or only
  // after the scan of the disk has found them lacking (a resume).
  bool askBeforeScan;
  Time silence_us;   // for so long it asked and nothing authenticated came: fetch by unicast; 0 = from the beginning
  Time chunkWait_us; // a chunk that made no progress for so long although multicast is alive is fetched by unicast
  bool unicast;      // whether there is unicast to fall back to
  std::uint64_t seed;
};

enum class ChunkState : std::uint8_t {
  unknown, // the scan has not come to it
  lacking, // has to come
  working, // handed to the driver (check, write, read back), or to unicast
  present, // on the disk, hash checked; a hole always is
};

enum class Placement : std::uint8_t { store, duplicate, unwanted, noRoom };

struct Placed {
  Placement placement;
  std::uint32_t slot;   // where to store, with `store`
  bool decodable;       // the block now has k symbols: decode, then call onBlockDecoded
};

// A block that can be decoded: its slot and which symbol lies in which place. A source symbol lies in the place of
// its own number unless parity had taken that place before it came; then it lies in some other place. So the k
// places hold k different symbols, source or parity, and a driver first moves misplaced source symbols home.
struct DecodableBlock {
  std::uint32_t block;
  std::uint32_t slot;
  std::span<const std::uint16_t> placeSymbols; // placeSymbols[i] is the number of the symbol in place i; k places
};

// A chunk all of whose blocks are decoded; the slots stay until onChunkDone. Piece i are the content bytes of
// block firstBlock + i in slots[i].
struct ReadyChunk {
  std::uint32_t chunk;
  std::uint32_t firstBlock;
  std::uint32_t lastBlock;
};

struct ReceiverStatistics {
  std::uint64_t stored, duplicates, unwanted, noRoom, evictedBlocks, reportsSent;
  std::uint64_t lostDatagrams; // gaps in the counters
  std::uint64_t repairedSymbols; // source symbols rebuilt from parity
  std::uint32_t chunksUnknown, chunksLacking, chunksWorking, chunksPresent;
  std::uint32_t slotsUsed, slotsUsedMost;
  bool multicastAlive;
  bool moved; // the sender has moved this receiver to unicast
};

class Receiver {
public:
  Receiver(const ReceiverConfig& config, const ChunkLayout& layout, Time now);
  ~Receiver();

  // Authenticated datagrams, with their sender start.
  Placed onData(const Header& header, Time now);
  // The place inside the slot at which the last stored symbol goes (multiply by symbolBytes).
  std::uint32_t place() const;
  void onAnnounce(const Header& header, const Announce& announce, Time now);

  // Decoding. Valid until the next call of onData.
  DecodableBlock decodable(std::uint32_t block) const;
  void onBlockDecoded(std::uint32_t block);
  std::uint32_t slotOf(std::uint32_t block) const; // of a decoded block that a ready chunk needs

  // Chunks to check and write, one at a time; the driver may hold as many as it likes.
  std::optional<ReadyChunk> nextReady();
  // `good`: checked, written, read back. Otherwise it is lacking again (and counted by the driver).
  void onChunkDone(std::uint32_t chunk, bool good, Time now);

  // What the scan of the disk found. A chunk that is working or present is left alone. A `false` for a chunk that
  // was present makes it lacking again.
  void onScanned(std::uint32_t chunk, bool matches, Time now);
  ChunkState state(std::uint32_t chunk) const;

  // How full the driver's own queues are, per thousand (socket buffer, write queue): the most since the last report
  // goes into the next.
  void setBacklog(std::uint32_t perThousand);

  // A report that is due now, if any.
  std::optional<Report> nextReport(Time now);
  // Chunks that should be fetched by unicast now: at most `count`, lacking, not asked for before; while multicast
  // is alive and the receiver is not moved only those that waited too long. They become `working`; onChunkDone as
  // usual. Empty when multicast does its work.
  std::size_t nextUnicast(Time now, std::span<std::uint32_t> out);

  Time wakeup() const;
  bool complete() const; // every chunk that is no hole is present
  ReceiverStatistics statistics() const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace volley
