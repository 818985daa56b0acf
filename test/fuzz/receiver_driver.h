// Drives the receiver machine as the engine does, with a memory of slots beside it: what lies in which place
// is known, so that every order of the machine can be held against it.
#pragma once
#include "core/limits.h"
#include "core/receiver.h"
#include "fuzz_input.h"
#include <sanitizer/allocator_interface.h>
#include <vector>

namespace volley_fuzz {

using volley::Announce;
using volley::ChunkLayout;
using volley::ChunkState;
using volley::Header;
using volley::Placed;
using volley::Placement;
using volley::Receiver;
using volley::ReceiverConfig;
using volley::Report;
using volley::Run;
using volley::Time;
namespace limits = volley::limits;

class ReceiverDriver {
public:
  ReceiverDriver(const ReceiverConfig& config, const ChunkLayout& layout, Time start)
      : config_(config), layout_(layout), machine_(config, layout, start), now_(start), slots_(config.slots),
        onDisk_(layout.chunks(), false), heldAtStart_(__sanitizer_get_current_allocated_bytes()) {
    for (std::uint32_t chunk = 0; chunk < layout.chunks(); ++chunk)
      chunksWithBytes_ += !layout.hole(chunk);
  }

  Time now() const { return now_; }
  void advance(Time by_us) { now_ += by_us; }
  const ChunkLayout& layout() const { return layout_; }
  Receiver& machine() { return machine_; }

  void data(const Header& header) {
    const Placed placed = machine_.onData(header, now_);
    if (placed.placement != Placement::store)
      return hold(!placed.decodable, "only a stored symbol completes a block");
    const std::uint32_t block = header.subject, place = machine_.place();
    hold(block < layout_.blocks().blocks() && header.a < limits::symbolNumbers,
         "only symbols that exist are stored");
    hold(placed.slot < slots_.size(), "a symbol goes to a slot that is there");
    hold(place < layout_.blocks().symbols(block), "a symbol goes to a place of its block");
    Slot& slot = slots_[placed.slot];
    hold(slot.holders == 0 && slot.phase != Phase::decodable, "nothing is written over what is being read");
    // The machine does not say when it gives a slot to another block: the next symbol does.
    if (slot.block != block || slot.phase == Phase::decoded) {
      slot = Slot{block, Phase::filling, 0, std::vector<std::uint16_t>(limits::symbolsPerBlock, noSymbol)};
    }
    slot.places[place] = header.a;
    if (placed.decodable) {
      slot.phase = Phase::decodable;
      decodable_.push_back(block);
      checkDecodable(block);
    }
  }

  void announce(const Header& header, const Announce& announce, Time age_us) {
    // The engine gives the time at which it came, which never goes back.
    announcedAt_ = std::max(announcedAt_, now_ - std::min(now_, age_us));
    machine_.onAnnounce(header, announce, announcedAt_);
  }

  void decodeOne(std::uint32_t pick) {
    if (decodable_.empty()) return;
    const std::size_t at = pick % decodable_.size();
    const std::uint32_t block = decodable_[at];
    decodable_.erase(decodable_.begin() + static_cast<std::ptrdiff_t>(at));
    checkDecodable(block);
    slots_[machine_.decodable(block).slot].phase = Phase::decoded;
    machine_.onBlockDecoded(block);
  }

  bool takeReady() {
    const auto ready = machine_.nextReady();
    if (!ready) return false;
    hold(machine_.state(ready->chunk) == ChunkState::working,
         "a chunk that is handed out is being worked on");
    hold(ready->firstBlock == layout_.firstBlock(ready->chunk) &&
             ready->lastBlock == layout_.lastBlock(ready->chunk),
         "a chunk is handed out with its blocks");
    for (std::uint32_t block = ready->firstBlock; block <= ready->lastBlock; ++block) {
      Slot& slot = slots_[machine_.slotOf(block)];
      hold(slot.block == block && slot.phase == Phase::decoded,
           "a chunk's blocks lie decoded in their slots");
      ++slot.holders;
    }
    startWork(ready->chunk, false);
    return true;
  }

  void fetch(std::size_t most) {
    std::uint32_t chunks[8];
    const std::size_t count = machine_.nextUnicast(now_, {chunks, std::min<std::size_t>(most, 8)});
    hold(count == 0 || config_.unicast, "nothing is fetched where there is no unicast");
    for (std::size_t i = 0; i < count; ++i) {
      hold(machine_.state(chunks[i]) == ChunkState::working, "a chunk that is fetched is being worked on");
      startWork(chunks[i], true);
    }
  }

  bool finishOne(std::uint32_t pick, bool good) {
    if (working_.empty()) return false;
    const std::size_t at = pick % working_.size();
    const Work work = working_[at];
    working_.erase(working_.begin() + static_cast<std::ptrdiff_t>(at));
    if (!work.unicast) {
      for (std::uint32_t block = layout_.firstBlock(work.chunk); block <= layout_.lastBlock(work.chunk);
           ++block)
        --slots_[machine_.slotOf(block)].holders;
    }
    machine_.onChunkDone(work.chunk, good, now_);
    onDisk_[work.chunk] = good;
    // One that failed may be whole in memory, from its neighbours' blocks, and be ready at once.
    const ChunkState after = machine_.state(work.chunk);
    hold(good ? after == ChunkState::present : after == ChunkState::lacking || after == ChunkState::working,
         "a verdict is taken as it is");
    return true;
  }

  void scanned(std::uint32_t chunk, bool matches) {
    const ChunkState before = machine_.state(chunk);
    machine_.onScanned(chunk, matches, now_);
    if (before != ChunkState::working && !layout_.hole(chunk)) onDisk_[chunk] = matches;
  }

  std::optional<Report> report() {
    const auto report = machine_.nextReport(now_);
    if (!report) {
      hold(machine_.wakeup() > now_, "a receiver that has nothing to say now waits for something");
      return report;
    }
    hold(report->receiver == config_.receiver, "a report names its receiver");
    hold(report->runs.size() <= volley::runsThatFit(layout_.blocks().symbolBytes()),
         "a report fits a datagram");
    hold(report->backlogPerThousand <= 1000, "a backlog is at most all of it");
    hold(report->leaving == machine_.complete() && !(report->leaving && !report->runs.empty()),
         "who has everything leaves and asks for nothing");
    for (const Run& run : report->runs)
      checkRun(run);
    return report;
  }

  // All that is at work ends as `good` says.
  void settle(bool good) {
    while (!decodable_.empty() || takeReady() || finishOne(0, good))
      decodeOne(0);
  }

  void check() const {
    const volley::ReceiverStatistics counts = machine_.statistics();
    hold(counts.slotsUsed <= config_.slots && counts.slotsUsedMost <= config_.slots,
         "no more slots than there are");
    const std::uint32_t all =
        counts.chunksUnknown + counts.chunksLacking + counts.chunksWorking + counts.chunksPresent;
    hold(all == chunksWithBytes_, "every chunk is in one state");
    std::uint32_t present = 0;
    for (std::uint32_t chunk = 0; chunk < layout_.chunks(); ++chunk) {
      if (layout_.hole(chunk)) continue;
      const bool isPresent = machine_.state(chunk) == ChunkState::present;
      hold(isPresent == onDisk_[chunk], "a chunk counts as present when it is on the disk");
      present += isPresent;
    }
    hold(machine_.complete() == (present == chunksWithBytes_), "complete means every chunk");
    hold(!machine_.complete() || counts.slotsUsed == decodable_.size(), "who has everything holds no memory");
  }

  void checkMemory() const {
    hold(__sanitizer_get_current_allocated_bytes() < heldAtStart_ + driverBytesMost_,
         "memory is taken at construction");
  }

private:
  static constexpr std::uint16_t noSymbol = 0xffff;
  enum class Phase : std::uint8_t { filling, decodable, decoded };
  struct Slot {
    std::uint32_t block = ~0u;
    Phase phase = Phase::filling;
    std::uint32_t holders = 0; // chunks that are read from it
    std::vector<std::uint16_t> places;
  };
  struct Work {
    std::uint32_t chunk;
    bool unicast;
  };

  void checkDecodable(std::uint32_t block) const {
    const volley::DecodableBlock ready = machine_.decodable(block);
    const Slot& slot = slots_[ready.slot];
    hold(slot.block == block, "a block is decoded from its slot");
    hold(ready.placeSymbols.size() == layout_.blocks().symbols(block), "a block is decoded from k symbols");
    std::vector<bool> seen(limits::symbolNumbers);
    for (std::size_t place = 0; place < ready.placeSymbols.size(); ++place) {
      const std::uint16_t symbol = ready.placeSymbols[place];
      hold(symbol == slot.places[place], "what is said to lie in a place was stored there");
      hold(symbol < limits::symbolNumbers && !seen[symbol], "a block is decoded from different symbols");
      seen[symbol] = true;
    }
  }

  void startWork(std::uint32_t chunk, bool unicast) {
    for (const Work& work : working_)
      hold(work.chunk != chunk, "a chunk is worked on once at a time");
    working_.push_back({chunk, unicast});
    onDisk_[chunk] = false;
  }

  void checkRun(const Run& run) const {
    const volley::BlockLayout& blocks = layout_.blocks();
    hold(run.count >= 1 && run.first < blocks.blocks() && run.count <= blocks.blocks() - run.first,
         "blocks that are there are asked for");
    for (std::uint32_t block = run.first; block < run.first + run.count; ++block) {
      hold(run.symbols >= 1 && (run.symbols <= blocks.symbols(block) || run.symbols == volley::wholeBlock),
           "some symbols of a block are asked for, at most all");
      bool wanted = false;
      for (std::uint32_t chunk = layout_.firstChunk(block); chunk < layout_.endChunk(block); ++chunk) {
        const ChunkState state = machine_.state(chunk);
        wanted = wanted ||
                 (!layout_.hole(chunk) &&
                  (state == ChunkState::lacking || (state == ChunkState::unknown && config_.askBeforeScan)));
      }
      hold(wanted, "only what is lacking is asked for");
    }
  }

  static constexpr std::size_t driverBytesMost_ = 512 * 1024;
  ReceiverConfig config_;
  const ChunkLayout& layout_;
  Receiver machine_;
  Time now_;
  Time announcedAt_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> decodable_; // whole, and not decoded yet
  std::vector<Work> working_;
  std::vector<bool> onDisk_;
  std::uint32_t chunksWithBytes_ = 0;
  std::size_t heldAtStart_;
};

} // namespace volley_fuzz
