// What the tests of disks share: a directory that goes away, files used as disks, aligned bytes, and a run of
// random transfers that is checked against a copy in memory.
#pragma once
#include "check.h"
#include "engine/buffer_pool.h"
#include "engine/device_failure.h"
#include "port/block_device.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

namespace volley_test {

using Bytes = std::vector<std::uint8_t>;
using Random = std::mt19937_64;
using volley::BlockDevice;
using volley::DeviceAccess;
using volley::DeviceAction;
using volley::DeviceCompletion;
using volley::DeviceError;
using volley::DeviceQueue;

class TemporaryDirectory {
public:
  explicit TemporaryDirectory(const std::filesystem::path& under) {
    std::string name = (under / "volley-device-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
  std::filesystem::path path_;
};

inline void makeFile(const std::string& path, std::uint64_t bytes) {
  std::ofstream(path).flush();
  std::filesystem::resize_file(path, bytes);
}

inline Bytes contentOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

inline void randomize(std::uint8_t* bytes, std::size_t count, Random& random) {
  std::generate_n(bytes, count, [&] { return static_cast<std::uint8_t>(random()); });
}

// The error that `work` ends in; none when it does not.
template <class Work> std::optional<DeviceError> errorOf(Work&& work) {
  try {
    work();
  } catch (const DeviceError& error) {
    return error;
  }
  return std::nullopt;
}

// Submits one operation and waits for it.
inline DeviceCompletion carryOut(DeviceQueue& queue, DeviceAction action, std::uint64_t offset,
                                 std::uint8_t* buffer, std::size_t length) {
  DeviceCompletion completion{};
  CHECK(queue.submit({action, offset, buffer, length, 7}));
  CHECK(queue.complete({&completion, 1}, 60'000) == 1);
  CHECK(completion.operation.userData == 7);
  return completion;
}

// Rounds of writes side by side, aligned and not, each to a stretch of its own, then read back the same way.
inline void checkRandomTransfers(BlockDevice& device, Random& random, Bytes& expected) {
  constexpr std::size_t stretches = 8;
  const auto stretchBytes = static_cast<std::size_t>(device.sizeBytes() / stretches);
  volley::BufferPool pool(stretches, stretchBytes + 4096);
  const auto queue = device.makeQueue(stretches);
  std::vector<volley::PooledBuffer> buffers;
  while (auto buffer = pool.tryAcquire())
    buffers.push_back(std::move(buffer));
  for (int round = 0; round < 12; ++round) {
    const DeviceAction action = round % 2 == 0   ? DeviceAction::write
                                : round % 4 == 1 ? DeviceAction::readBack
                                                 : DeviceAction::read;
    for (std::size_t stretch = 0; stretch < stretches; ++stretch) {
      const bool aligned = random() % 3 != 0;
      const std::size_t unit = aligned ? 4096 : 1;
      std::uint64_t begin = stretch * stretchBytes + random() % stretchBytes;
      begin = std::max<std::uint64_t>((begin + unit - 1) / unit * unit, stretch * stretchBytes);
      const std::uint64_t end = (stretch + 1) * stretchBytes;
      if (begin >= end) begin = stretch * stretchBytes;
      std::size_t length = 1 + static_cast<std::size_t>(random() % (end - begin));
      length = std::max<std::size_t>(length / unit * unit, 1);
      std::uint8_t* buffer = buffers[stretch].data() + (aligned ? 0 : random() % 512);
      randomize(buffer, length, random);
      if (action == DeviceAction::write) std::copy_n(buffer, length, expected.data() + begin);
      CHECK(queue->submit({action, begin, buffer, length, stretch}));
    }
    CHECK(queue->inFlight() == stretches);
    CHECK(!queue->submit({action, 0, buffers[0].data(), 4096, 99}));
    for (std::size_t done = 0; done < stretches;) {
      DeviceCompletion completions[3];
      const std::size_t count = queue->complete(completions, 60'000);
      CHECK(count > 0);
      if (count == 0) return;
      done += count;
      for (const DeviceCompletion& completion : std::span(completions, count)) {
        const auto& operation = completion.operation;
        CHECK(!completion.failed() && completion.systemError == 0);
        CHECK(std::equal(operation.buffer, operation.buffer + operation.length,
                         expected.begin() + static_cast<std::ptrdiff_t>(operation.offset)));
      }
    }
    DeviceCompletion none;
    CHECK(queue->inFlight() == 0 && queue->complete({&none, 1}, 60'000) == 0);
  }
}

// Zeroes ranges with crooked and straight ends; what lies around them stays.
inline void checkZeroing(BlockDevice& device, Random& random, Bytes& expected) {
  for (int round = 0; round < 6; ++round) {
    const std::uint64_t begin =
        random() % (device.sizeBytes() / 2) / (round % 2 ? 4096 : 1) * (round % 2 ? 4096 : 1);
    const std::uint64_t length =
        round == 5 ? device.sizeBytes() - begin : random() % (device.sizeBytes() / 3);
    device.zeroRange(begin, length);
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(begin), length, std::uint8_t{0});
    Bytes found(expected.size());
    device.read(found, 0);
    CHECK(found == expected);
  }
}

} // namespace volley_test
