#include "engine/chunk_workers.h"
#include "core/reed_solomon.h"
#include "engine/session_thread.h"
#include <algorithm>
#include <cassert>
#include <cstring>

namespace volley {

ChunkWorkers::ChunkWorkers(const ImageFacts& image, BufferPool& pool, SessionInbox& inbox, std::uint32_t threads,
                           Checked checked)
    : image_(image), pool_(pool), inbox_(inbox), checked_(std::move(checked)) {
  const std::size_t blockBytes = std::size_t{limits::symbolsPerBlock} * image.layout().blocks().symbolBytes();
  for (std::uint32_t i = 0; i < threads; ++i) scratch_.push_back(std::make_unique<Scratch>(blockBytes));
  try {
    for (std::uint32_t i = 0; i < threads; ++i)
      threads_.emplace_back([this, i] { runSessionThread(inbox_, [this, i] { run(*scratch_[i]); }); });
  } catch (...) {
    end();
    throw;
  }
}

ChunkWorkers::~ChunkWorkers() { end(); }

void ChunkWorkers::end() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::size_t ChunkWorkers::bufferBytes() const {
  std::size_t bytes = 0;
  for (const auto& scratch : scratch_) bytes += scratch->parity.size() + scratch->stored.size();
  return bytes;
}

void ChunkWorkers::rebuild(const BlockJob& job) {
  const std::lock_guard lock(mutex_);
  blocks_.push_back(job);
  changed_.notify_one();
}

void ChunkWorkers::gather(GatherJob job) {
  const std::lock_guard lock(mutex_);
  gathers_.push_back(std::move(job));
  changed_.notify_one();
}

void ChunkWorkers::checkStored(ChunkJob job) {
  const std::lock_guard lock(mutex_);
  stored_.push_back(std::move(job));
  changed_.notify_one();
}

void ChunkWorkers::checkReadBack(ChunkJob job) {
  const std::lock_guard lock(mutex_);
  readBacks_.push_back(std::move(job));
  changed_.notify_one();
}

void ChunkWorkers::bufferReturned() {
  const std::lock_guard lock(mutex_);
  if (!gathers_.empty()) changed_.notify_one();
}

void ChunkWorkers::run(Scratch& scratch) {
  const auto pop = [](auto& queue) {
    auto job = std::move(queue.front());
    queue.pop_front();
    return job;
  };
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (!readBacks_.empty()) {
      ChunkJob job = pop(readBacks_);
      lock.unlock();
      checkReadBackChunk(std::move(job));
      bufferReturned();
    } else if (!stored_.empty()) {
      ChunkJob job = pop(stored_);
      lock.unlock();
      checkStoredChunk(std::move(job), scratch);
      bufferReturned();
    } else if (!blocks_.empty()) {
      const BlockJob job = pop(blocks_);
      lock.unlock();
      rebuildBlock(job, scratch);
    } else if (PooledBuffer buffer = gathers_.empty() ? PooledBuffer() : pool_.tryAcquire()) {
      const GatherJob job = pop(gathers_);
      lock.unlock();
      gatherChunk(job, std::move(buffer), scratch);
      bufferReturned();
    } else {
      changed_.wait(lock);
      continue;
    }
    lock.lock();
  }
}

// Symbols that do not lie in their own place are copied out first: source symbols to go home, parity because the
// symbols it gives back are written over it.
void ChunkWorkers::rebuildBlock(const BlockJob& job, Scratch& scratch) {
  const std::size_t length = image_.layout().blocks().symbolBytes();
  std::array<bool, limits::symbolsPerBlock> present{};
  std::array<rs::ParitySymbol, limits::symbolsPerBlock> parity;
  std::array<rs::ParitySymbol, limits::symbolsPerBlock> strays;
  std::size_t parityCount = 0, strayCount = 0;
  for (std::uint32_t place = 0; place < job.symbols; ++place) {
    const std::uint32_t symbol = job.placeSymbols[place];
    if (symbol == place) {
      present[place] = true;
      continue;
    }
    std::uint8_t* copy = scratch.parity.data() + (parityCount + strayCount) * length;
    std::memcpy(copy, job.slot + place * length, length);
    if (symbol < job.symbols) strays[strayCount++] = {symbol, copy};
    else parity[parityCount++] = {symbol, copy};
  }
  for (std::size_t i = 0; i < strayCount; ++i) {
    std::memcpy(job.slot + strays[i].number * length, strays[i].bytes, length);
    present[strays[i].number] = true;
  }
  const bool whole = rs::decode(job.slot, job.symbols, length, length, {present.data(), job.symbols},
                                {parity.data(), parityCount});
  // The machine says that a block is decodable when it holds as many different symbols as it needs.
  assert(whole);
  static_cast<void>(whole);
  inbox_.post({SessionEvent::Kind::blockDecoded, job.block});
}

void ChunkWorkers::gatherChunk(const GatherJob& job, PooledBuffer buffer, Scratch& scratch) {
  const ManifestChunk& entry = image_.manifest().chunks[job.chunk];
  const BlockLayout& blocks = image_.layout().blocks();
  std::uint8_t* stored = entry.encoding == Encoding::raw ? buffer.data() : scratch.stored.data();
  const std::uint64_t begin = image_.layout().storedOffset(job.chunk);
  std::uint64_t at = begin;
  for (std::size_t i = 0; i < job.slots.size(); ++i) {
    const std::uint32_t block = job.firstBlock + static_cast<std::uint32_t>(i);
    const std::uint64_t end = std::min(begin + entry.storedBytes, blocks.offset(block) + blocks.bytes(block));
    std::memcpy(stored + (at - begin), job.slots[i] + (at - blocks.offset(block)), static_cast<std::size_t>(end - at));
    at = end;
  }
  assert(at == begin + entry.storedBytes);
  const bool unpacked = unpack(job.chunk, {stored, entry.storedBytes}, buffer.data(), scratch);
  handOn({job.chunk, ChunkSource::multicast, std::move(buffer)}, unpacked);
}

void ChunkWorkers::checkStoredChunk(ChunkJob job, Scratch& scratch) {
  const ManifestChunk& entry = image_.manifest().chunks[job.chunk];
  bool unpacked = true;
  if (entry.encoding != Encoding::raw) {
    std::memcpy(scratch.stored.data(), job.buffer.data(), entry.storedBytes);
    unpacked = unpack(job.chunk, {scratch.stored.data(), entry.storedBytes}, job.buffer.data(), scratch);
  }
  handOn(std::move(job), unpacked);
}

// A raw chunk lies where it should already.
bool ChunkWorkers::unpack(std::uint32_t chunk, std::span<const std::uint8_t> stored, std::uint8_t* raw,
                          Scratch& scratch) {
  if (image_.manifest().chunks[chunk].encoding == Encoding::raw) return true;
  return scratch.decompressor.decompress(stored, {raw, image_.bytes(chunk)});
}

void ChunkWorkers::handOn(ChunkJob job, bool unpacked) {
  if (!unpacked || !image_.matches(job.chunk, {job.buffer.data(), image_.bytes(job.chunk)})) {
    inbox_.post({SessionEvent::Kind::chunkRefused, job.chunk, job.source});
    return;
  }
  checked_(std::move(job));
}

void ChunkWorkers::checkReadBackChunk(ChunkJob job) {
  const bool same = image_.matches(job.chunk, {job.buffer.data(), image_.bytes(job.chunk)});
  inbox_.post({same ? SessionEvent::Kind::chunkGood : SessionEvent::Kind::chunkMismatched, job.chunk, job.source});
}

} // namespace volley
