// Speed of BLAKE3 for each instruction set on one thread: "hash" of a buffer of 64 MiB and "update", the same in one
// update of a hasher; "subtree", one piece of 1 MiB again and again, and "zeros", the same of zeros that are not read; and
// "tags", the keyed hashes over a burst of datagrams that authenticate them; "cipher" is ChaCha20 over the symbols of that
// burst, one by one. "hash threads" is the buffer by all threads. "file" is what b3sum is compared by: a program is started,
// maps a file of 1 GiB that is in the page cache, hashes it by one thread or by all, and ends: b3sum, and this one with
// --file. `bench_hash`: the last line is the result as JSON.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <fcntl.h>
#include <functional>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include "core/blake3.h"
#include "core/chacha20.h"
#include "core/limits.h"
#include "figures.h"

namespace {
using namespace volley;
namespace fs = std::filesystem;

constexpr std::size_t wholeBytes = 64u << 20;
constexpr std::size_t pieceBytes = 1u << 20;
constexpr int fileCopies = 16;
constexpr std::size_t datagramBytes = 1456; // what a tag of a 1500-byte packet covers
constexpr std::size_t symbolBytes = 1408;   // of such a packet

// The rate of the quickest of many calls: the others met another program on the same core.
double rateOf(std::size_t bytes, const std::function<void()>& work) {
  constexpr double secondsInAll = 0.5;
  constexpr int callsLeast = 5;
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto secondsSince = [&](auto time) { return std::chrono::duration<double>(now() - time).count(); };
  double quickest = std::numeric_limits<double>::infinity();
  const auto first = now();
  for (int calls = 0; calls < callsLeast || secondsSince(first) < secondsInAll; ++calls) {
    const auto started = now();
    work();
    quickest = std::min(quickest, secondsSince(started));
  }
  return static_cast<double>(bytes) / quickest / 1e9;
}

const char* nameOf(blake3::InstructionSet set) {
  switch (set) {
  case blake3::InstructionSet::scalar:
    return "scalar";
  case blake3::InstructionSet::sse41:
    return "sse41";
  case blake3::InstructionSet::avx2:
    return "avx2";
  case blake3::InstructionSet::avx512:
    return "avx512";
  }
  return "unknown";
}

void benchOurs(const std::vector<std::uint8_t>& bytes, volley_bench::Figures& figures) {
  const blake3::Key key{};
  std::vector<const std::uint8_t*> messages;
  for (std::size_t index = 0; index < limits::burstDatagrams; ++index)
    messages.push_back(bytes.data() + index * 2048);
  std::vector<blake3::Tag> tags(messages.size());
  std::vector<std::uint8_t> symbols(messages.size() * symbolBytes);
  std::atomic<std::uint8_t> sink{0};
  using enum blake3::InstructionSet;
  for (const auto set : {scalar, sse41, avx2, avx512}) {
    if (!blake3::supported(set)) continue;
    blake3::force(set);
    const std::string name = nameOf(set);
    figures.add("hash " + name, rateOf(bytes.size(), [&] { sink ^= blake3::hash(bytes)[0]; }));
    figures.add("update " + name, rateOf(bytes.size(), [&] {
                         blake3::Hasher hasher;
                         hasher.update(bytes);
                         sink ^= hasher.finish()[0];
                       }));
    figures.add("subtree " + name, rateOf(pieceBytes, [&] {
                         sink ^= blake3::subtree({bytes.data(), pieceBytes}, 0)[0];
                       }));
    figures.add("zeros " + name, rateOf(pieceBytes, [&] { sink ^= blake3::subtreeOfZeros(pieceBytes, 0)[0]; }));
    figures.add("tags " + name, rateOf(messages.size() * datagramBytes, [&] {
                         blake3::keyedTags(key, messages, datagramBytes, tags.data());
                         sink ^= tags[0][0];
                       }));
    figures.add("cipher " + name, rateOf(messages.size() * symbolBytes, [&] {
                         for (std::size_t i = 0; i < messages.size(); ++i)
                           chacha20::apply(key, i, 0, messages[i], symbols.data() + i * symbolBytes, symbolBytes);
                         sink ^= symbols[0];
                       }));
  }
  blake3::force(blake3::best());
}

// As the engine hashes: pieces of a MiB on every core, their chaining values combined at the end.
blake3::Hash hashByThreads(std::span<const std::uint8_t> bytes) {
  std::vector<blake3::Hash> values((bytes.size() + pieceBytes - 1) / pieceBytes);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t piece = next++; piece < values.size(); piece = next++) {
      const std::size_t at = piece * pieceBytes;
      values[piece] = blake3::subtree(bytes.subspan(at, std::min(pieceBytes, bytes.size() - at)), at);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return blake3::rootOf(values);
}

// What b3sum does with a file that is large.
int printHashOfFile(const char* path, bool byThreads) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor < 0 || fstat(descriptor, &status) != 0) return 1;
  const auto bytes = static_cast<std::size_t>(status.st_size);
  void* const mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) return 1;
  const std::span<const std::uint8_t> file{static_cast<const std::uint8_t*>(mapped), bytes};
  for (const std::uint8_t byte : byThreads ? hashByThreads(file) : blake3::hash(file)) std::printf("%02x", byte);
  std::printf("\n");
  return 0;
}

// What the command prints; empty where it fails.
std::string outputOf(const std::string& command) {
  FILE* const output = popen(command.c_str(), "r");
  if (output == nullptr) return {};
  std::string text;
  char piece[256];
  while (std::fgets(piece, sizeof piece, output)) text += piece;
  return pclose(output) == 0 ? text : std::string();
}

bool benchFile(const std::vector<std::uint8_t>& bytes, const std::string& program, volley_bench::Figures& figures) {
  const fs::path file =
      fs::temp_directory_path() / ("volley-bench-hash-" + std::to_string(std::random_device()()));
  {
    std::ofstream out(file, std::ios::binary);
    for (int copy = 0; copy < fileCopies; ++copy)
      out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  const std::string quoted = " '" + file.string() + "'";
  const std::string ours = "'" + program + "' --file" + quoted, theirs = "b3sum --no-names" + quoted;
  const std::string root = outputOf(theirs);
  bool agree = !root.empty();
  const auto measure = [&](const std::string& name, const std::string& command) {
    figures.add(name, rateOf(bytes.size() * fileCopies, [&] { agree = outputOf(command) == root && agree; }));
  };
  measure("file", ours + " 1");
  measure("file b3sum", theirs + " --num-threads 1");
  measure("file threads", ours);
  measure("file b3sum threads", theirs);
  fs::remove(file);
  if (!agree) std::fprintf(stderr, "error: b3sum failed, or has another hash of the same file\n");
  return agree;
}

} // namespace

int main(int argumentCount, char** arguments) {
  if (argumentCount >= 3 && std::string(arguments[1]) == "--file") return printHashOfFile(arguments[2], argumentCount == 3);
  if (argumentCount > 1) {
    std::fprintf(stderr, "usage: bench_hash\n");
    return 2;
  }
  if (outputOf("b3sum --version").empty()) {
    std::fprintf(stderr, "error: bench hash compares with b3sum, which is missing: scripts/install-packages b3sum\n");
    return 1;
  }
  std::vector<std::uint8_t> bytes(wholeBytes);
  std::mt19937_64 random(1);
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
  volley_bench::Figures figures;
  benchOurs(bytes, figures);
  std::atomic<std::uint8_t> sink{0};
  figures.add("hash threads", rateOf(bytes.size(), [&] { sink ^= hashByThreads(bytes)[0]; }));
  if (!benchFile(bytes, fs::read_symlink("/proc/self/exe").string(), figures)) return 1;
  figures.print("\"datagramBytes\":" + std::to_string(datagramBytes) +
                ",\"fileBy\":\"a program that is started, maps the file and hashes it\"");
  return 0;
}
