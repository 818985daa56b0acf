// What writing a disk is compared with: dd, which writes the same bytes from memory with oflag=direct bs=4M and fsync (zeros,
// which many a disk takes faster, would be no comparison), and fio with several writes of 1 MiB in flight.
#pragma once
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace volley_bench {

// The same bytes again and again, in memory, as a file that dd can read.
class MemoryFile {
public:
  MemoryFile(const std::vector<std::uint8_t>& piece, std::uint64_t bytes) : descriptor_(memfd_create("bench", 0)) {
    for (std::uint64_t at = 0; at < bytes; at += piece.size())
      if (::write(descriptor_, piece.data(), piece.size()) != static_cast<ssize_t>(piece.size()))
        throw std::runtime_error("no memory for what dd is to write");
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(descriptor_); }

private:
  int descriptor_;
};

// Seconds that a program took.
inline double runProgram(const std::vector<std::string>& words) {
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

// Seconds of dd to write, and where it is wanted, to read what it wrote.
inline double runDd(const std::string& target, std::uint64_t bytes, const MemoryFile& source, bool reads) {
  const std::string count = "count=" + std::to_string(bytes >> 22);
  double seconds = runProgram({"dd", "if=" + source.path(), "of=" + target, "bs=4M", count, "oflag=direct",
                               "conv=notrunc,fsync", "status=none"});
  if (reads)
    seconds += runProgram({"dd", "if=" + target, "of=/dev/null", "bs=4M", count, "iflag=direct", "status=none"});
  return seconds;
}

// By its own clock: it takes a while to start.
inline double fioMegabytesPerSecond(const std::string& target, std::uint64_t bytes, unsigned depth) {
  const std::string command = "fio --name=write --filename='" + target + "' --rw=write --bs=1M --iodepth=" +
                              std::to_string(depth) + " --direct=1 --ioengine=io_uring --end_fsync=1 --size=" +
                              std::to_string(bytes) + " --output-format=terse --terse-version=3 2>/dev/null";
  FILE* output = popen(command.c_str(), "r");
  std::string text;
  char piece[4096];
  while (output && std::fgets(piece, sizeof piece, output)) text += piece;
  if (!output || pclose(output) != 0)
    throw std::runtime_error("fio, which this is compared with, is missing (scripts/install-packages fio), or cannot write to the target");
  // Field 48 of terse version 3 is the bandwidth of writing in KiB a second.
  std::size_t at = 0;
  for (int field = 1; field < 48 && at != std::string::npos; ++field) at = text.find(';', at + (field > 1));
  if (at == std::string::npos) throw std::runtime_error("fio says something else than it used to: " + text);
  return std::strtod(text.c_str() + at + 1, nullptr) * 1024 / 1e6;
}

} // namespace volley_bench
