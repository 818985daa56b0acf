// Speed of our block writer beside dd and fio on the same target: chunks of 1 MiB are hashed with BLAKE3 by two threads,
// with --decompress after they were made from stored ones, and written through a DeviceQueue as deep as the engine's,
// then flushed; dd writes the same bytes from memory with oflag=direct bs=4M and fsync (zeros, which many a disk takes
// faster, would be no comparison), fio its own with 32 writes of 1 MiB in flight, and neither hashes anything. Every run
// overwrites the same place, which was written once before so that nobody pays for its allocation.
// With --verify each chunk is read back past the page cache and hashed again, beside dd writing and then reading.
// Ours runs twice: with the product's queue, which is threads, and with io_uring in its place. --plain computes nothing,
// as fio does, and so shows what of the distance to fio is the hashing's.
// `bench_write [--target FILE-OR-DISK] [--size 1G] [--runs K] [--decompress | --plain] [--verify]`: without --target a file
// in the current folder that is removed afterwards; a disk is overwritten. The last line is the result as JSON.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "core/blake3.h"
#include "core/limits.h"
#include "engine/buffer_pool.h"
#include "engine/chunk_codec.h"
#include "port/block_device.h"
#include "ring_queue.h"

namespace {
using namespace volley;
namespace fs = std::filesystem;

constexpr int hashThreads = 2;
constexpr int completionWait_ms = 1000;
// Before each run: a disk behind a hypervisor has a rate and a credit above it, which the run before has used up.
constexpr std::chrono::seconds rest{3};

struct Options {
  std::string target = "bench-write.tmp";
  bool keepTarget = false;
  std::uint64_t bytes = 1ull << 30;
  int runs = 3;
  bool decompress = false;
  bool plain = false;
  bool verify = false;
};

[[noreturn]] void usage(const std::string& why) {
  std::fprintf(stderr, "%s\nusage: bench_write [--target FILE-OR-DISK] [--size 1G] [--runs K] [--decompress | --plain] [--verify]\n",
               why.c_str());
  std::exit(2);
}

std::uint64_t parseSize(const std::string& text) {
  std::size_t digits = 0;
  const std::uint64_t number = std::stoull(text, &digits);
  const std::string suffix = text.substr(digits);
  const std::size_t power = std::string("KMGT").find(suffix.empty() ? ' ' : suffix[0]);
  const std::uint64_t bytes = suffix.empty() ? number : number << (10 * (power + 1));
  if (suffix.size() > 1 || (!suffix.empty() && power == std::string::npos) || bytes == 0 ||
      bytes % (4u << 20) != 0)
    usage("--size takes a multiple of 4M, like 1G");
  return bytes;
}

Options parseOptions(int count, char** words) {
  Options options;
  for (int index = 1; index < count; ++index) {
    const std::string word = words[index];
    bool* const flag = word == "--verify"     ? &options.verify
                       : word == "--decompress" ? &options.decompress
                       : word == "--plain"      ? &options.plain
                                                : nullptr;
    if (flag) {
      *flag = true;
      continue;
    }
    if (index + 1 == count) usage("unknown option or missing value: " + word);
    const std::string value = words[++index];
    try {
      if (word == "--target") {
        options.target = value;
        options.keepTarget = true;
      } else if (word == "--size") {
        options.bytes = parseSize(value);
      } else if (word == "--runs") {
        options.runs = std::stoi(value);
        if (options.runs < 1 || options.runs > 100) usage("--runs takes 1 to 100");
      } else {
        usage("unknown option " + word);
      }
    } catch (const std::logic_error&) {
      usage("not a number: " + value);
    }
  }
  if (options.plain && (options.decompress || options.verify)) usage("--plain computes nothing: leave the other out");
  return options;
}

// Chunks between the threads that hash and the one that writes.
class HashedChunks {
public:
  struct Chunk {
    std::uint64_t index;
    PooledBuffer buffer;
  };
  void push(Chunk chunk) {
    const std::lock_guard lock(mutex_);
    ready_.push_back(std::move(chunk));
    changed_.notify_one();
  }
  // Waits only when `wait`; false when there is none.
  bool take(Chunk& chunk, bool wait) {
    std::unique_lock lock(mutex_);
    if (wait) changed_.wait(lock, [this] { return !ready_.empty(); });
    if (ready_.empty()) return false;
    chunk = std::move(ready_.front());
    ready_.pop_front();
    return true;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Chunk> ready_;
};

// A MiB of which every other sixteen bytes are random: it compresses about as an operating system's files do.
std::vector<std::uint8_t> rawChunk() {
  std::vector<std::uint8_t> raw(limits::chunkBytes);
  std::mt19937_64 random(1);
  for (std::size_t offset = 0; offset < raw.size(); offset += 32) {
    const std::uint64_t words[2] = {random(), random()};
    std::memcpy(raw.data() + offset, words, sizeof words);
  }
  return raw;
}

// The same chunk again and again, in memory, as a file that dd can read.
class MemoryFile {
public:
  explicit MemoryFile(std::uint64_t bytes) : descriptor_(memfd_create("bench", 0)) {
    const std::vector<std::uint8_t> raw = rawChunk();
    for (std::uint64_t at = 0; descriptor_ >= 0 && at < bytes; at += raw.size())
      if (::write(descriptor_, raw.data(), raw.size()) != static_cast<ssize_t>(raw.size()))
        throw std::runtime_error("no memory for what dd is to write");
  }
  ~MemoryFile() { ::close(descriptor_); }
  std::string path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(descriptor_); }

private:
  int descriptor_;
};

class OurWriter {
public:
  OurWriter(BlockDevice& device, const Options& options)
      : device_(device), pool_(limits::chunkBuffers, limits::chunkBytes), options_(options),
        stored_(limits::chunkBytes) {
    const std::vector<std::uint8_t> raw = rawChunk();
    expected_ = blake3::subtree(raw, 0);
    const std::size_t bytes = ChunkCompressor(3).compress(raw, stored_);
    if (bytes == 0) throw std::runtime_error("the chunk does not compress");
    stored_.resize(bytes);
    std::vector<PooledBuffer> buffers;
    for (std::size_t index = 0; index < pool_.count(); ++index) {
      buffers.push_back(pool_.acquire());
      std::memcpy(buffers.back().data(), raw.data(), raw.size());
    }
  }

  // Seconds, until all is on the device.
  double run(DeviceQueue& queue) {
    const auto started = std::chrono::steady_clock::now();
    const std::uint64_t chunks = options_.bytes / limits::chunkBytes;
    HashedChunks hashed;
    std::atomic<std::uint64_t> next{0};
    std::vector<std::jthread> threads;
    for (int index = 0; index < hashThreads; ++index)
      threads.emplace_back([&] { hashChunks(hashed, next, chunks); });
    try {
      writeChunks(queue, hashed, chunks);
    } catch (...) {
      pool_.stop(); // the threads may wait for a buffer that nobody gives back any more
      throw;
    }
    threads.clear();
    device_.flush();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  }

private:
  void hashChunks(HashedChunks& hashed, std::atomic<std::uint64_t>& next, std::uint64_t chunks) {
    ChunkDecompressor decompressor;
    for (std::uint64_t index = next++; index < chunks; index = next++) {
      PooledBuffer buffer = pool_.acquire();
      if (!buffer) return;
      if (options_.decompress && !decompressor.decompress(stored_, buffer.span())) std::abort();
      if (!options_.plain && blake3::subtree(buffer.span(), 0) != expected_) std::abort();
      hashed.push({index, std::move(buffer)});
    }
  }

  void writeChunks(DeviceQueue& queue, HashedChunks& hashed, std::uint64_t chunks) {
    std::vector<PooledBuffer> active(limits::writesInFlight);
    std::vector<DeviceCompletion> completions(limits::writesInFlight);
    std::vector<std::size_t> free;
    for (std::size_t place = 0; place < active.size(); ++place) free.push_back(place);
    for (std::uint64_t submitted = 0, written = 0; written < chunks;) {
      HashedChunks::Chunk chunk{};
      while (submitted < chunks && !free.empty() && hashed.take(chunk, queue.inFlight() == 0)) {
        const std::size_t place = free.back();
        free.pop_back();
        active[place] = std::move(chunk.buffer);
        queue.submit({DeviceAction::write, chunk.index * limits::chunkBytes, active[place].data(),
                       limits::chunkBytes, place});
        ++submitted;
      }
      const std::size_t count = queue.complete(completions, completionWait_ms);
      for (std::size_t index = 0; index < count; ++index) {
        const DeviceCompletion& done = completions[index];
        if (done.failed()) throw std::runtime_error(std::string("the target failed: ") + std::strerror(done.systemError));
        const std::uint64_t place = done.operation.userData;
        if (options_.verify && done.operation.action == DeviceAction::write) {
          std::memset(active[place].data(), 0x5a, 4096); // so that a read that transfers nothing does not pass
          queue.submit({DeviceAction::readBack, done.operation.offset, active[place].data(), limits::chunkBytes, place});
          continue;
        }
        if (options_.verify && blake3::subtree(active[place].span(), 0) != expected_)
          throw std::runtime_error("the target gives other bytes than were written");
        active[done.operation.userData] = PooledBuffer();
        free.push_back(done.operation.userData);
        ++written;
      }
    }
  }

  BlockDevice& device_;
  BufferPool pool_;
  const Options options_;
  std::vector<std::uint8_t> stored_; // a chunk, compressed
  blake3::Hash expected_{};
};

// Seconds that a program took.
double runProgram(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const auto started = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
    throw std::runtime_error(words[0] + " failed (a file system without direct writes?)");
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

double runDd(const Options& options, const MemoryFile& source) {
  const std::string count = "count=" + std::to_string(options.bytes >> 22);
  double seconds = runProgram({"dd", "if=" + source.path(), "of=" + options.target, "bs=4M", count, "oflag=direct",
                               "conv=notrunc,fsync", "status=none"});
  if (options.verify)
    seconds += runProgram({"dd", "if=" + options.target, "of=/dev/null", "bs=4M", count, "iflag=direct", "status=none"});
  return seconds;
}

// By its own clock: it takes a while to start.
double fioMegabytesPerSecond(const Options& options) {
  const std::string command = "fio --name=write --filename='" + options.target +
                              "' --rw=write --bs=1M --iodepth=32 --direct=1 --ioengine=io_uring --end_fsync=1 --size=" +
                              std::to_string(options.bytes) + " --output-format=terse --terse-version=3 2>/dev/null";
  FILE* output = popen(command.c_str(), "r");
  std::string text;
  char piece[4096];
  while (output && std::fgets(piece, sizeof piece, output)) text += piece;
  if (!output || pclose(output) != 0)
    throw std::runtime_error("fio, which this is compared with, is missing (scripts/install-packages fio), or cannot write to the target");
  // Field 48 of terse version 3 is the bandwidth of writing in KiB a second.
  std::size_t at = 0;
  for (int field = 1; field < 48 && at != std::string::npos; ++field) at = text.find(';', at + (field > 1));
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + 1, nullptr) * 1024 / 1e6;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void bench(const Options& options) {
  if (!options.keepTarget) std::ofstream(options.target).close();
  const fs::file_status status = fs::status(options.target);
  if (!fs::exists(status)) throw std::runtime_error(options.target + " does not exist");
  if (fs::is_regular_file(status) && fs::file_size(options.target) < options.bytes)
    fs::resize_file(options.target, options.bytes);
  const auto device = openBlockDevice(options.target, DeviceAccess::exclusive);
  if (device->sizeBytes() < options.bytes) throw std::runtime_error(options.target + " is smaller than --size");
  OurWriter writer(*device, options);
  const double megabytes = static_cast<double>(options.bytes) / 1e6;
  const auto threads = device->makeQueue(limits::writesInFlight);
  RingQueue ring(options.target, limits::writesInFlight);
  writer.run(*threads); // allocates what has to be allocated
  const MemoryFile source(options.bytes);
  std::vector<double> ours, ioUring, dd, fio;
  const auto rested = [](const auto& run) {
    std::this_thread::sleep_for(rest);
    return run();
  };
  for (int run = 0; run < options.runs; ++run) {
    ours.push_back(rested([&] { return writer.run(*threads); }));
    ioUring.push_back(rested([&] { return writer.run(ring); }));
    dd.push_back(rested([&] { return runDd(options, source); }));
    if (!options.verify) fio.push_back(rested([&] { return fioMegabytesPerSecond(options); }));
    std::fprintf(stderr, "run %d: ours %.0f MB/s, with io_uring %.0f MB/s, dd %.0f MB/s\n", run + 1,
                 megabytes / ours.back(), megabytes / ioUring.back(), megabytes / dd.back());
  }
  const double oursRate = megabytes / median(ours), ddRate = megabytes / median(dd);
  const double ringRate = megabytes / median(ioUring);
  const double fioRate = fio.empty() ? 0 : median(fio);
  std::printf("{\"ours\":{\"megabytesPerSecond\":%.1f},\"ioUring\":{\"megabytesPerSecond\":%.1f},\"rival\":{\"name\":\"dd\",\"megabytesPerSecond\":%.1f},"
                "\"ratio\":%.2f,\"fio\":{\"megabytesPerSecond\":%.1f},\"fioRatio\":%.2f,\"decompress\":%s,\"plain\":%s,\"verify\":%s,"
                "\"bytes\":%llu,\"runs\":%d,\"direct\":%s}\n",
                oursRate, ringRate, ddRate, oursRate / ddRate, fioRate, fioRate > 0 ? oursRate / fioRate : 0,
                options.decompress ? "true" : "false",
                options.plain ? "true" : "false", options.verify ? "true" : "false", static_cast<unsigned long long>(options.bytes), options.runs,
                device->bypassesCache() ? "true" : "false");
}

} // namespace

int main(int argumentCount, char** arguments) {
  const Options options = parseOptions(argumentCount, arguments);
  int exitCode = 0;
  try {
    bench(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    exitCode = 1;
  }
  if (!options.keepTarget) std::remove(options.target.c_str());
  return exitCode;
}
