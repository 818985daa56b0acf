// Image files as disks on Windows: what is aligned and what is not, several operations in flight, the ends of
// a file that is no multiple of anything, and refusals. `block_device [seed]`.
#include "port/block_device.h"
#include "check.h"
#include "core/limits.h"
#include "engine/device_failure.h"
#include "temporary_folder.h"
#include <algorithm>
#include <map>
#include <new>
#include <optional>
#include <random>

using namespace volley;
using namespace volley_test;
using Bytes = std::vector<std::uint8_t>;

namespace {

constexpr std::size_t alignment = 4096;

class AlignedBytes {
public:
  explicit AlignedBytes(std::size_t bytes)
      : bytes_(static_cast<std::uint8_t*>(::operator new (bytes, std::align_val_t{alignment}))),
        size_(bytes) {}
  ~AlignedBytes() { ::operator delete (bytes_, std::align_val_t{alignment}); }
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
  std::span<std::uint8_t> span() const { return {bytes_, size_}; }

private:
  std::uint8_t* bytes_;
  std::size_t size_;
};

Bytes randomBytes(std::size_t size, std::mt19937_64& random) {
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes)
    byte = static_cast<std::uint8_t>(random());
  return bytes;
}

// Carries one operation out in a queue.
DeviceCompletion carryOut(BlockDevice& device, const DeviceOperation& operation) {
  const auto queue = device.makeQueue(2);
  CHECK(queue->submit(operation));
  DeviceCompletion completion{};
  while (queue->complete({&completion, 1}, 50) == 0) {
  }
  CHECK(queue->inFlight() == 0);
  return completion;
}

// Any offset, length and address: the file is what a model of it says, and as long as before.
void modelled(std::size_t size, std::mt19937_64& random) {
  const TemporaryFolder folder;
  const std::string path = folder.at("disk");
  Bytes model = randomBytes(size, random);
  writeFile(path, model);
  {
    const auto device = openBlockDevice(path, DeviceAccess::exclusive);
    CHECK(device->sizeBytes() == size);
    const AlignedBytes room(256 * 1024);
    for (int round = 0; round < 200; ++round) {
      const bool tidy = random() % 2 == 0;
      std::size_t offset = random() % size;
      if (tidy) offset -= offset % alignment;
      std::size_t length = std::min<std::size_t>(1 + random() % (200 * 1024), size - offset);
      const std::size_t shift = tidy ? 0 : random() % 9;
      if (tidy && length > alignment) length -= length % alignment;
      std::uint8_t* buffer = room.span().data() + shift;
      const auto at = model.begin() + static_cast<std::ptrdiff_t>(offset);
      if (random() % 3 == 0) {
        device->zeroRange(offset, length);
        std::fill_n(at, length, std::uint8_t{0});
      } else if (random() % 2 == 0) {
        const Bytes bytes = randomBytes(length, random);
        std::copy(bytes.begin(), bytes.end(), buffer);
        CHECK(!carryOut(*device, {DeviceAction::write, offset, buffer, length, 0}).failed());
        std::copy(bytes.begin(), bytes.end(), at);
      } else {
        const DeviceAction action = random() % 2 == 0 ? DeviceAction::read : DeviceAction::readBack;
        CHECK(!carryOut(*device, {action, offset, buffer, length, 0}).failed());
        CHECK(std::equal(buffer, buffer + length, at));
      }
    }
    device->flush();
  }
  CHECK(readFile(path) == model);
}

// As many in flight as there may be, each at its place.
void manyInFlight(std::mt19937_64& random) {
  const TemporaryFolder folder;
  const std::string path = folder.at("disk");
  const std::uint32_t depth = limits::deviceQueueDepthMax;
  const Bytes image = randomBytes(std::size_t{4} * depth * 65536, random);
  writeFile(path, Bytes(image.size()));
  const auto device = openBlockDevice(path, DeviceAccess::exclusive);
  const AlignedBytes memory(image.size());
  std::copy(image.begin(), image.end(), memory.span().begin());
  const auto queue = device->makeQueue(depth);
  CHECK(queue->depth() == depth);
  std::map<std::uint64_t, int> seen;
  std::vector<DeviceCompletion> completions(depth);
  for (std::uint64_t next = 0; seen.size() < 4 * depth;) {
    while (next < 4 * depth) {
      const DeviceOperation write{DeviceAction::write, next * 65536, memory.span().data() + next * 65536,
                                  65536, next};
      if (!queue->submit(write)) break;
      ++next;
    }
    const std::size_t count = queue->complete(completions, 1000);
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(!completions[i].failed());
      CHECK(++seen[completions[i].operation.userData] == 1);
    }
  }
  CHECK(queue->inFlight() == 0 && queue->complete(completions, 0) == 0);
  CHECK(readFile(path) == image);
}

std::optional<EngineError> refusal(const std::string& path, DeviceAccess access) {
  try {
    openBlockDevice(path, access);
    return std::nullopt;
  } catch (const DeviceError& error) {
    return fromDevice(error);
  }
}

void refusals(std::mt19937_64& random) {
  const TemporaryFolder folder;
  const std::string path = folder.at("disk");
  const Bytes image = randomBytes(100'000, random);
  writeFile(path, image);
  CHECK(refusal(folder.at("nothing"), DeviceAccess::readOnly)->code == code::deviceOpen);
  CHECK(refusal(folder.at("."), DeviceAccess::exclusive)->code == code::deviceOpen);

  const auto device = openBlockDevice(path, DeviceAccess::exclusive);
  const auto second = refusal(path, DeviceAccess::exclusive);
  CHECK(second && second->code == code::deviceOpen && second->systemError == 32); // ERROR_SHARING_VIOLATION
  CHECK(!refusal(path, DeviceAccess::readOnly));

  // Past the end: what is before it is done, and the rest is said.
  const AlignedBytes room(alignment * 4);
  std::fill(room.span().begin(), room.span().end(), std::uint8_t{9});
  const std::uint64_t last = image.size() / alignment * alignment;
  const DeviceCompletion write =
      carryOut(*device, {DeviceAction::write, last, room.span().data(), room.span().size(), 0});
  CHECK(write.transferred == image.size() - last);
  CHECK(fromDevice(*device, write).code == code::deviceFull);
  const DeviceCompletion read =
      carryOut(*device, {DeviceAction::read, last, room.span().data(), room.span().size(), 0});
  CHECK(read.transferred == image.size() - last && read.systemError == 0);
  CHECK(fromDevice(*device, read).code == code::deviceRead);
  CHECK(readFile(path).size() == image.size());
  bool refused = false;
  try {
    device->zeroRange(image.size() - 10, 11);
  } catch (const DeviceError& error) {
    refused = fromDevice(error).code == code::deviceFull;
  }
  CHECK(refused);
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::stoull(argv[1]) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (const std::size_t size : {std::size_t{1 << 20}, std::size_t{(1 << 20) + 512}, std::size_t{300'007},
                                 std::size_t{4096}, std::size_t{511}})
    modelled(size, random);
  manyInFlight(random);
  refusals(random);
  return finish();
}
