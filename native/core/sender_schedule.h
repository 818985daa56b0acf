// What the sender still owes of each block, and in which order it goes out: repairs first, interleaved over the
// blocks that need them, then the carousel, which takes whole blocks in ascending order, several at a time. Also
// remembers which block each recent counter went to, so that a report that was written before some symbols
// arrived is not answered twice.
#pragma once
#include "core/gap_map.h"
#include "core/layout.h"
#include "core/limits.h"
#include "core/sender.h"
#include <array>
#include <deque>
#include <vector>

namespace volley {

// At most this many symbols of a block of k are a repair; who lacks more waits for the block's turn.
constexpr std::uint32_t repairLimit(std::uint32_t k) { return k < 8 ? 1 : k / 3; }

class SenderSchedule {
public:
  explicit SenderSchedule(const BlockLayout& layout);

  // Symbols of a block that went out with counters above `highest`. The look-back is bounded by the ring.
  std::uint32_t sentSince(std::uint32_t block, std::uint64_t highest) const;
  // How many symbols of a block have to go out so that a receiver that lacks `symbols` can expect as many that are
  // news to it: more, once every number of the block has been used.
  std::uint32_t newsFor(std::uint32_t block, std::uint32_t symbols) const;
  // How many more symbols would go out, or go out first, if `symbols` were still wanted: what a raise costs.
  std::uint32_t costOf(std::uint32_t block, std::uint32_t symbols) const;
  void raise(std::uint32_t block, std::uint32_t symbols);
  bool isRepair(std::uint32_t block, std::uint32_t symbols) const {
    return symbols <= repairLimit(layout_.symbols(block));
  }

  // The next symbol, sent under `counter`. False when nothing is owed.
  bool pick(std::uint64_t counter, Emission& out);

  std::uint32_t blocksPending() const { return pending_.count(); }
  std::uint32_t carouselAt() const { return cursor_; }
  // Runs of what is to come from block `from` on, cyclic, at most `most`; returns how many blocks they cover.
  std::uint32_t describe(std::uint32_t from, std::size_t most, std::vector<Run>& runs) const;

private:
  struct Block {
    std::uint64_t last = 0;    // counter of the last symbol of it that was sent
    std::uint16_t urgent = 0;  // repairs to come
    std::uint16_t pass = 0;    // left of its turn in the carousel, while it is in the group
    std::uint16_t later = 0;   // what its next turn in the carousel is to bring
    std::uint8_t symbol = 0;   // next symbol number
    bool queued = false;       // in repairs_ or repairGroup_
    bool inGroup = false;      // in carouselGroup_
    bool lapped = false;       // its numbers have begun again
    std::uint16_t soon() const { return inGroup ? pass : urgent; }
  };
  struct Group {
    std::array<std::uint32_t, limits::interleavedBlocks> blocks;
    std::uint32_t size = 0;
    std::uint32_t turn = 0;
    void removeAtTurn();
  };
  static constexpr std::uint64_t ringCounters = 65536;

  void fillRepairGroup();
  void fillCarouselGroup();
  bool pickRepair(std::uint64_t counter, Emission& out);
  void emit(std::uint32_t block, std::uint64_t counter, Emission& out);
  void note(std::uint32_t block);

  const BlockLayout& layout_;
  std::vector<Block> blocks_;
  GapMap pending_; // with anything to come
  GapMap waiting_; // with a turn to come
  GapMap plain_;   // with nothing but a turn to come: long runs of them are described at a glance
  std::deque<std::uint32_t> repairs_; // each block at most once
  Group repairGroup_, carouselGroup_;
  std::uint32_t cursor_ = 0;
  std::uint64_t newest_ = 0;            // the highest counter that went to a block
  std::vector<std::uint64_t> previous_; // by counter: the counter before it of the same block
};

} // namespace volley
