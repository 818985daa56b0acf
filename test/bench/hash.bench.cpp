// Speed of BLAKE3 for each instruction set on one thread, beside b3sum: "hash" of a buffer of 64 MiB and
// "update", the same in one update of a hasher; "subtree", one piece of 1 MiB again and again, and "zeros",
// the same of zeros that are not read; and "tags", the keyed hashes over a burst of datagrams that
// authenticate them; "cipher" is ChaCha20 over the symbols of that burst, one by one. b3sum, where it is installed, hashes a file of the same bytes from the page cache with
// one thread and with all (its start and its reading are in its time, over 1 GiB); "threads" is ours with all. `bench_hash [--json]`; with --json the
// last line is the results in gigabytes per second.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/blake3.h"
#include "core/chacha20.h"
#include "core/limits.h"

namespace {
using namespace volley;

constexpr std::size_t wholeBytes = 64u << 20;
constexpr std::size_t pieceBytes = 1u << 20;
constexpr int b3sumCopies = 16;
constexpr std::size_t datagramBytes = 1456; // what a tag of a 1500-byte packet covers
constexpr std::size_t symbolBytes = 1408;   // of such a packet

struct Result {
  std::string name;
  double gigabytesPerSecond;
};

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

void benchOurs(const std::vector<std::uint8_t>& bytes, std::vector<Result>& results) {
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
    results.push_back({"hash " + name, rateOf(bytes.size(), [&] { sink ^= blake3::hash(bytes)[0]; })});
    results.push_back({"update " + name, rateOf(bytes.size(), [&] {
                         blake3::Hasher hasher;
                         hasher.update(bytes);
                         sink ^= hasher.finish()[0];
                       })});
    results.push_back({"subtree " + name, rateOf(pieceBytes, [&] {
                         sink ^= blake3::subtree({bytes.data(), pieceBytes}, 0)[0];
                       })});
    results.push_back(
        {"zeros " + name, rateOf(pieceBytes, [&] { sink ^= blake3::subtreeOfZeros(pieceBytes, 0)[0]; })});
    results.push_back({"tags " + name, rateOf(messages.size() * datagramBytes, [&] {
                         blake3::keyedTags(key, messages, datagramBytes, tags.data());
                         sink ^= tags[0][0];
                       })});
    results.push_back({"cipher " + name, rateOf(messages.size() * symbolBytes, [&] {
                         for (std::size_t i = 0; i < messages.size(); ++i)
                           chacha20::apply(key, i, 0, messages[i], symbols.data() + i * symbolBytes, symbolBytes);
                         sink ^= symbols[0];
                       })});
  }
  blake3::force(blake3::best());
}

// As the engine hashes: pieces of a MiB on every core, their chaining values combined at the end.
void benchThreads(const std::vector<std::uint8_t>& bytes, std::vector<Result>& results) {
  const std::size_t pieces = bytes.size() / pieceBytes;
  std::vector<blake3::Hash> values(pieces);
  std::atomic<std::uint8_t> sink{0};
  const auto work = [&] {
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
      threads.emplace_back([&] {
        for (std::size_t piece = next++; piece < pieces; piece = next++)
          values[piece] = blake3::subtree({bytes.data() + piece * pieceBytes, pieceBytes}, piece * pieceBytes);
      });
    for (std::thread& thread : threads) thread.join();
    sink ^= blake3::rootOf(values)[0];
  };
  results.push_back({"hash threads", rateOf(bytes.size(), work)});
}

void benchB3sum(const std::vector<std::uint8_t>& bytes, std::vector<Result>& results) {
  if (std::system("command -v b3sum >/dev/null 2>&1") != 0) return;
  namespace fs = std::filesystem;
  const fs::path file =
      fs::temp_directory_path() / ("volley-bench-hash-" + std::to_string(std::random_device()()));
  {
    std::ofstream out(file, std::ios::binary);
    for (int copy = 0; copy < b3sumCopies; ++copy)
      out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  const auto measure = [&](const std::string& name, const std::string& options) {
    const std::string command = "b3sum " + options + "'" + file.string() + "' >/dev/null";
    bool works = true;
    const double rate =
        rateOf(bytes.size() * b3sumCopies, [&] { works = std::system(command.c_str()) == 0 && works; });
    if (works) results.push_back({name, rate});
  };
  measure("hash b3sum", "--num-threads 1 ");
  measure("hash b3sum threads", "");
  fs::remove(file);
}

} // namespace

int main(int argumentCount, char** arguments) {
  const bool json = argumentCount == 2 && std::string(arguments[1]) == "--json";
  if (argumentCount > 1 && !json) {
    std::fprintf(stderr, "usage: bench_hash [--json]\n");
    return 2;
  }
  std::vector<std::uint8_t> bytes(wholeBytes);
  std::mt19937_64 random(1);
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
  std::vector<Result> results;
  benchOurs(bytes, results);
  benchThreads(bytes, results);
  benchB3sum(bytes, results);
  for (const Result& result : results)
    std::fprintf(stderr, "%-14s %7.2f GB/s\n", result.name.c_str(), result.gigabytesPerSecond);
  if (!json) return 0;
  std::printf("{\"benchmark\":\"hash\",\"datagramBytes\":%zu,\"gigabytesPerSecond\":{", datagramBytes);
  for (std::size_t index = 0; index < results.size(); ++index)
    std::printf("%s\"%s\":%.3f", index == 0 ? "" : ",", results[index].name.c_str(),
                results[index].gigabytesPerSecond);
  std::printf("}}\n");
  return 0;
}
