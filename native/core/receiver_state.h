// The inside of the receiver machine, shared by the files that implement its parts: slots (receiver_slots.cpp),
// chunks (receiver_chunks.cpp), feedback (receiver_feedback.cpp) and fallback (receiver_fallback.cpp).
#pragma once
#include "core/gap_map.h"
#include "core/limits.h"
#include "core/receiver.h"
#include <array>
#include <random>
#include <vector>

namespace volley {

constexpr std::uint16_t noSlot = 0xffff;
constexpr std::uint32_t noBlock = ~0u;

struct Receiver::State {
  struct Block {
    std::uint32_t asked = 0;    // chunks over it that are lacking, or unknown and asked for
    std::uint32_t welcome = 0;  // chunks over it that are unknown and only welcome
    std::uint32_t held = 0;     // chunks over it that the driver works on
    std::uint16_t slot = noSlot;
    std::uint8_t age = 0;       // quarters of chunkWait without progress or promise
    bool wanted() const { return asked + welcome > 0; }
  };

  enum class Phase : std::uint8_t { filling, decodable, decoded };

  struct Slot {
    std::uint32_t block = noBlock;
    Phase phase = Phase::filling;
    bool discard = false;           // its bytes gave a chunk that failed its check: dropped once nobody holds it
    bool reported = false;          // in the last report
    std::uint16_t have = 0;
    std::uint16_t haveReported = 0; // `have` at the last report
    bool inTurn = false;            // the block waits for its turn in the carousel, too
    std::uint16_t onTheWay = 0;     // what the sender was last known to be about to send
    std::uint16_t top = 0;          // no place above it is free
    std::uint64_t counter = 0;      // of the datagram that said so
    std::array<std::uint64_t, limits::symbolNumbers / 64> seen{};
    std::array<std::uint16_t, limits::symbolsPerBlock> places{};
  };

  State(const ReceiverConfig& receiverConfig, const ChunkLayout& chunkLayout, Time now);

  // receiver.cpp
  bool hear(const Header& header, Time now);
  void forgetSender();

  // receiver_slots.cpp
  Placed store(const Header& header);
  std::uint16_t takeSlot(std::uint32_t block, std::uint64_t counter);
  bool evictFor(std::uint32_t block);
  void release(std::uint32_t block);
  void releaseIfUnneeded(std::uint32_t block);
  std::uint64_t distance(std::uint32_t block) const;
  std::uint64_t chunkDistance(std::uint32_t chunk) const;
  std::uint32_t missing(std::uint32_t block) const;
  std::uint16_t placeFor(Slot& slot, std::uint16_t symbol, std::uint32_t k);

  // receiver_chunks.cpp
  bool wants(std::uint32_t chunk) const;
  void want(std::uint32_t chunk);
  void unwant(std::uint32_t chunk);
  void setState(std::uint32_t chunk, ChunkState state);
  bool allDecoded(std::uint32_t chunk) const;
  void offerChunks(std::uint32_t block);
  void offerAgain(std::uint32_t chunk);
  void makeReady(std::uint32_t chunk);
  void finish(std::uint32_t chunk, bool good);

  // receiver_feedback.cpp
  void applyAnnounce(const Header& header, const Announce& announce, Time now);
  void applyRuns(std::uint64_t counter, const Announce& announce);
  void applyRun(std::uint64_t counter, const Run& run);
  void coverSlots(std::uint64_t counter, std::uint32_t first, std::uint32_t count, std::uint16_t symbols);
  void judge(Time now);
  void noteLacking(Time now);
  bool asksAnything() const;
  std::uint32_t surplus(const Slot& slot) const;
  bool unanswered() const;
  Time backoff(std::uint32_t worst);
  void collectRuns(std::vector<Run>& runs, std::size_t most);
  void collectWholeRuns(std::vector<Run>& runs, std::size_t most);
  void collectScarce(std::vector<Run>& runs, std::size_t most);
  Report makeReport(bool status, Time now);
  void leaveSoon();
  std::optional<Report> nextReport(Time now);
  Time probeAt() const;
  Time statusPeriod() const;

  // receiver_fallback.cpp
  bool silent(Time now) const;
  bool isMoved(Time now) const { return now < movedUntil; }
  void noteCrawl(Time now);
  void sweep(Time now);
  bool overdue(std::uint32_t chunk) const;
  bool promised(std::uint32_t chunk) const;
  std::size_t nextUnicast(Time now, std::span<std::uint32_t> out);

  ReceiverConfig config;
  const ChunkLayout& layout;
  const BlockLayout& blockLayout;
  std::mt19937_64 random;
  double uniform() { return std::uniform_real_distribution<double>(0, 1)(random); }

  std::vector<Block> blocks;
  std::vector<Slot> slots;
  std::vector<std::uint16_t> freeSlots;
  std::vector<std::uint8_t> chunkStates;
  GapMap fromUnicast;  // working chunks that are fetched by unicast: they hold no slots
  GapMap failed;       // chunks that failed their check: unicast is the better source
  GapMap ready;        // working chunks the driver has not taken yet
  GapMap absent;       // chunks that unicast may fetch: lacking, or unknown and asked for
  std::uint32_t readyFrom = 0;
  std::uint32_t missingChunks = 0; // that are no holes and not present
  std::uint32_t lastPlace = 0;

  GapMap lackingBlocks; // asked for, in no slot
  GapMap open;          // known from an announce, and nothing much of it on the way
  // Blocks that lately found no room, and at which counter: as many as are interleaved, and more.
  struct Refusal {
    std::uint32_t block = noBlock;
    std::uint64_t counter = 0;
  };
  std::array<Refusal, 2 * limits::interleavedBlocks> refusals;
  bool scarce = false;  // has found no room before: asks for no more than it can keep

  // The sender, as last heard.
  std::uint32_t start = 0;
  bool heardAny = false;
  Time clock; // the latest time seen
  Time joined;
  Time lastHeard;
  Time askedAt = never; // the first report since then that asked for something
  Time lastStored;
  std::uint64_t highestCounter = 0;
  std::uint64_t announceCounter = 0;
  std::uint32_t groupSize;
  std::uint32_t rateKBps = 0;
  Time backoffSpan_us;
  Time statusInterval_us = 0;
  Time leastTransit_us = 0; // modulo 2^64: the clocks have nothing to do with each other
  bool transitKnown = false;
  Time transitAt = 0;
  std::uint32_t delay_us = 0;
  Time movedUntil = 0;
  Time crawlsSince = never; // the sender's rate is next to nothing, and much of that is lost
  bool restAnnounced = false; // the last announce said that nothing is on the way

  // Feedback timers and figures since the last report.
  Time askAt = never;
  Time askNotBefore = 0;
  Time patience_us = 0;       // how long an unanswered report is waited for
  std::uint32_t ignoredReports = 0; // in a row
  Time probeInterval_us;
  Time probeFrom;             // probes count from here
  Time statusAt = never;
  Time spokeAt = 0;           // of the last report of any kind
  bool left = false;
  bool wholeReported = false;
  std::uint32_t firstWholeReported = noBlock;
  std::uint64_t reportedCounter = 0;
  std::uint64_t receivedSinceReport = 0;
  Time reportedAt;
  std::uint32_t receivedKBps = 0;
  std::uint32_t lossPerMillion = 0;
  std::uint32_t driverBacklog = 0;

  // Fallback.
  Time sweepAt;
  bool someOverdue = false;
  std::uint32_t unicastFrom = 0;

  ReceiverStatistics counts{};
};

} // namespace volley
