#include "engine/chunk_fetcher.h"
#include "engine/session_thread.h"
#include <algorithm>

namespace volley {

namespace {
std::uint64_t meanStoredBytes(const ImageFacts& image) {
  std::uint64_t bytes = 0, stored = 0;
  for (std::uint32_t chunk = 0; chunk < image.chunks(); ++chunk) {
    const std::uint32_t here = image.layout().storedBytes(chunk);
    bytes += here;
    stored += here > 0;
  }
  return stored == 0 ? limits::chunkBytes : std::max<std::uint64_t>(bytes / stored, 1);
}
} // namespace

ChunkFetcher::ChunkFetcher(const ImageFacts& image, BufferPool& pool, SessionInbox& inbox,
                           std::unique_ptr<ContentClient> client, Fetched fetched, Returned returned)
    : image_(image), pool_(pool), inbox_(inbox), client_(std::move(client)), fetched_(std::move(fetched)),
      returned_(std::move(returned)), meanChunkBytes_(meanStoredBytes(image)), jitter_(std::random_device{}()) {
  thread_ = std::thread([this] { runSessionThread(inbox_, [this] { run(); }); });
}

ChunkFetcher::~ChunkFetcher() {
  stop();
  thread_.join();
}

void ChunkFetcher::stop() {
  client_->cancel();
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_one();
}

std::uint32_t ChunkFetcher::room() const {
  const std::lock_guard lock(mutex_);
  // No more than a request takes: what multicast brings meanwhile is not fetched.
  const std::size_t most = std::min<std::uint64_t>(limits::unicastRangeChunks, limits::unicastRangeBytes / meanChunkBytes_);
  return pausing_ || waiting_.size() >= most ? 0 : static_cast<std::uint32_t>(most - waiting_.size());
}

void ChunkFetcher::fetch(std::span<std::uint32_t> chunks) {
  std::ranges::sort(chunks);
  const std::lock_guard lock(mutex_);
  waiting_.insert(waiting_.end(), chunks.begin(), chunks.end());
  changed_.notify_one();
}

void ChunkFetcher::run() {
  std::uint32_t backoff_ms = limits::unicastBackoffMin_ms;
  for (;;) {
    const std::vector<std::uint32_t> range = takeRange();
    if (range.empty()) return;
    std::size_t done = 0;
    const bool whole = fetchRange(range, done);
    if (done > 0) backoff_ms = limits::unicastBackoffMin_ms;
    if (whole) continue;
    giveBack({range.data() + done, range.size() - done});
    // Between half and all of it, so that a room of receivers does not come back in step.
    if (!client_->pause(backoff_ms / 2 + jitter_() % (backoff_ms / 2))) return;
    backoff_ms = std::min(backoff_ms * 2, limits::unicastBackoffMax_ms);
    const std::lock_guard lock(mutex_);
    pausing_ = false;
  }
}

std::vector<std::uint32_t> ChunkFetcher::takeRange() {
  std::vector<std::uint32_t> range;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
  if (stopped_) return range;
  std::uint64_t bytes = 0, end = 0;
  while (!waiting_.empty()) {
    const std::uint32_t chunk = waiting_.front();
    const std::uint32_t stored = image_.layout().storedBytes(chunk);
    const bool neighbour = image_.layout().storedOffset(chunk) == end;
    if (!range.empty() && (!neighbour || bytes + stored > limits::unicastRangeBytes)) break;
    range.push_back(chunk);
    waiting_.pop_front();
    bytes += stored;
    end = image_.layout().storedOffset(chunk) + stored;
  }
  return range;
}

bool ChunkFetcher::fetchRange(std::span<const std::uint32_t> chunks, std::size_t& done) {
  const std::uint64_t first = image_.layout().storedOffset(chunks.front());
  const std::uint64_t end = image_.layout().storedOffset(chunks.back()) + image_.layout().storedBytes(chunks.back());
  if (!client_->request(first, end - first)) return false;
  for (const std::uint32_t chunk : chunks) {
    PooledBuffer buffer = pool_.acquire();
    if (!buffer) return false;
    if (!client_->read(buffer.span().first(image_.layout().storedBytes(chunk)))) {
      buffer = PooledBuffer();
      returned_();
      return false;
    }
    fetched_({chunk, ChunkSource::unicast, std::move(buffer)});
    ++done;
  }
  return true;
}

// What failed and what waits behind it: by the next attempt the machine may have got it otherwise.
void ChunkFetcher::giveBack(std::span<const std::uint32_t> chunks) {
  std::deque<std::uint32_t> behind;
  {
    const std::lock_guard lock(mutex_);
    behind.swap(waiting_);
    pausing_ = true;
  }
  for (const std::uint32_t chunk : chunks) inbox_.post({SessionEvent::Kind::chunkReturned, chunk, ChunkSource::unicast});
  for (const std::uint32_t chunk : behind) inbox_.post({SessionEvent::Kind::chunkReturned, chunk, ChunkSource::unicast});
}

} // namespace volley
