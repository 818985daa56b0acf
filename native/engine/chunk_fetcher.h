// The thread of a receiving session that fetches chunks by unicast: merges neighbours into one request, waits longer
// after each failure, and gives what it could not get back to the machine.
#pragma once
#include "engine/buffer_pool.h"
#include "engine/chunk_workers.h"
#include "engine/content_client.h"
#include "engine/image_facts.h"
#include "engine/session_inbox.h"
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <span>
#include <thread>
#include <vector>

namespace volley {

class ChunkFetcher {
public:
  // Gets the stored bytes of a chunk. Called on the fetcher's thread.
  using Fetched = std::function<void(ChunkJob)>;
  // A buffer went back to the pool unused.
  using Returned = std::function<void()>;

  ChunkFetcher(const ImageFacts& image, BufferPool& pool, SessionInbox& inbox, std::unique_ptr<ContentClient> client,
               Fetched fetched, Returned returned);
  ~ChunkFetcher(); // stop() and joins
  void stop();     // the pool has to be stopped too, if the thread may be waiting for a buffer

  // From one thread: how many chunks may be handed over now (0 while it waits after a failure).
  std::uint32_t room() const;
  // Chunks that are no holes. Each ends in `fetched` or the event `chunkReturned`.
  void fetch(std::span<std::uint32_t> chunks);

private:
  void run();
  // Takes the longest run of neighbours from the front of what is waiting; empty once stopped.
  std::vector<std::uint32_t> takeRange();
  bool fetchRange(std::span<const std::uint32_t> chunks, std::size_t& done);
  void giveBack(std::span<const std::uint32_t> chunks);

  const ImageFacts& image_;
  BufferPool& pool_;
  SessionInbox& inbox_;
  std::unique_ptr<ContentClient> client_;
  Fetched fetched_;
  Returned returned_;
  const std::uint64_t meanChunkBytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::uint32_t> waiting_;
  bool pausing_ = false;
  bool stopped_ = false;
  std::minstd_rand jitter_;
  std::thread thread_;
};

} // namespace volley
