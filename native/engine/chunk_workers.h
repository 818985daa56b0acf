// The threads of a receiving session that compute: they rebuild blocks from parity, put chunks together, decompress
// and check them against the manifest, and check what was read back from the disk. What is closer to the end of a
// chunk's way goes first, because it gives a buffer back.
#pragma once
#include "core/receiver.h"
#include "engine/aligned_buffer.h"
#include "engine/buffer_pool.h"
#include "engine/chunk_codec.h"
#include "engine/image_facts.h"
#include "engine/session_inbox.h"
#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace volley {

// A block that has as many symbols as it needs, copied from the machine.
struct BlockJob {
  std::uint32_t block;
  std::uint8_t* slot;
  std::uint32_t symbols;
  std::array<std::uint8_t, limits::symbolsPerBlock> placeSymbols; // symbol numbers fit a byte
};

// A chunk whose blocks are whole in their slots.
struct GatherJob {
  std::uint32_t chunk;
  std::uint32_t firstBlock;
  std::vector<const std::uint8_t*> slots; // of firstBlock and those that follow
};

// A chunk in a buffer: its stored bytes (from unicast), or its raw bytes.
struct ChunkJob {
  std::uint32_t chunk;
  ChunkSource source;
  PooledBuffer buffer;
};

class ChunkWorkers {
public:
  // Gets a chunk's raw bytes once they are what the manifest says. Called on a worker's thread.
  using Checked = std::function<void(ChunkJob)>;

  // Starts `threads` threads. Throws EngineError E_OUT_OF_MEMORY, std::bad_alloc, std::system_error.
  ChunkWorkers(const ImageFacts& image, BufferPool& pool, SessionInbox& inbox, std::uint32_t threads,
               Checked checked);
  ~ChunkWorkers(); // end()
  // Joins; what is queued is dropped, what is handed over afterwards too, when the object goes.
  void end();

  // From any thread; none of them waits.
  void rebuild(const BlockJob& job);
  void gather(GatherJob job);
  void checkStored(ChunkJob job);
  void checkReadBack(ChunkJob job);
  // A buffer went back to the pool: somebody may be waiting for it.
  void bufferReturned();

  std::size_t bufferBytes() const;

private:
  struct Scratch {
    Scratch(std::size_t blockBytes) : parity(blockBytes, 64), stored(limits::chunkBytes, 4096) {}
    AlignedBuffer parity; // misplaced symbols of a block
    AlignedBuffer stored; // a compressed chunk
    ChunkDecompressor decompressor;
  };
  void run(Scratch& scratch);
  void rebuildBlock(const BlockJob& job, Scratch& scratch);
  void gatherChunk(const GatherJob& job, PooledBuffer buffer, Scratch& scratch);
  void checkStoredChunk(ChunkJob job, Scratch& scratch);
  void checkReadBackChunk(ChunkJob job);
  bool unpack(std::uint32_t chunk, std::span<const std::uint8_t> stored, std::uint8_t* raw, Scratch& scratch);
  void handOn(ChunkJob job, bool unpacked);

  const ImageFacts& image_;
  BufferPool& pool_;
  SessionInbox& inbox_;
  Checked checked_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ChunkJob> readBacks_;
  std::deque<ChunkJob> stored_;
  std::deque<BlockJob> blocks_;
  std::deque<GatherJob> gathers_;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Scratch>> scratch_;
  std::vector<std::thread> threads_;
};

} // namespace volley
