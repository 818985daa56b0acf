// Speed of our block writer beside dd and fio on the same target: chunks of 1 MiB go through the threads of a receiving
// session (session_writer.h), hashed with BLAKE3, with --decompress after they were made from stored ones, then a flush. Every
// run overwrites the same place, which was written once before so that nobody pays for its allocation. fio hashes nothing, and
// writes 32 at a time, and as many as ours. --plain computes nothing, as fio does, and so shows what of the distance to it is
// the hashing's. The product reads every chunk back past the page cache and hashes it again: --verify measures that, beside dd
// writing and then reading; without it reading back takes nothing, since dd and fio do not either.
// Ours runs twice: with the product's queue, which is threads, and with io_uring in its place.
// `bench_write [--target FILE-OR-DISK] [--size 1G] [--runs K] [--decompress | --plain] [--verify]`: without --target a file
// in the current folder that is removed afterwards; a disk is overwritten. The last line is the result as JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "session_writer.h"
#include "write_rivals.h"

namespace {
using namespace volley;
using namespace volley_bench;
namespace fs = std::filesystem;

constexpr unsigned fioDepth = 32;
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
  const std::vector<std::uint8_t> raw = rawChunk();
  const MemoryFile source(raw, options.bytes);
  const Work work = options.plain ? Work::nothing : options.decompress ? Work::decompressAndHash : Work::hash;
  const auto write = [&](bool ioUring) {
    return SessionWriter(*device, raw, {options.bytes, work, options.verify, ioUring}).run();
  };
  write(false); // allocates what has to be allocated
  const auto rested = [](const auto& run) {
    std::this_thread::sleep_for(rest);
    return run();
  };
  std::vector<double> ours, ioUring, dd, fioDeep, fioAsDeep;
  for (int run = 0; run < options.runs; ++run) {
    ours.push_back(rested([&] { return write(false); }));
    ioUring.push_back(rested([&] { return write(true); }));
    dd.push_back(rested([&] { return runDd(options.target, options.bytes, source, options.verify); }));
    if (options.verify) continue;
    const auto fio = [&](unsigned depth) { return fioMegabytesPerSecond(options.target, options.bytes, depth); };
    fioDeep.push_back(rested([&] { return fio(fioDepth); }));
    fioAsDeep.push_back(rested([&] { return fio(limits::writesInFlight); }));
  }
  const double megabytes = static_cast<double>(options.bytes) / 1e6;
  const double oursRate = megabytes / median(ours), ddRate = megabytes / median(dd);
  std::printf("{\"ours\":{\"megabytesPerSecond\":%.1f,\"writesInFlight\":%u},\"ioUring\":{\"megabytesPerSecond\":%.1f},"
              "\"rival\":{\"name\":\"dd\",\"megabytesPerSecond\":%.1f},\"ratio\":%.2f,",
              oursRate, limits::writesInFlight, megabytes / median(ioUring), ddRate, oursRate / ddRate);
  if (!options.verify)
    std::printf("\"fio\":[{\"writesInFlight\":%u,\"megabytesPerSecond\":%.1f,\"ratio\":%.2f},"
                "{\"writesInFlight\":%u,\"megabytesPerSecond\":%.1f,\"ratio\":%.2f}],",
                fioDepth, median(fioDeep), oursRate / median(fioDeep), limits::writesInFlight, median(fioAsDeep),
                oursRate / median(fioAsDeep));
  const auto yes = [](bool value) { return value ? "true" : "false"; };
  std::printf("\"decompress\":%s,\"plain\":%s,\"verify\":%s,\"bytes\":%llu,\"runs\":%d,\"direct\":%s}\n",
              yes(options.decompress), yes(options.plain), yes(options.verify),
              static_cast<unsigned long long>(options.bytes), options.runs, yes(device->bypassesCache()));
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
