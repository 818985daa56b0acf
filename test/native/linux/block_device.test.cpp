// Regular files used as disks: on the file system of the temporary directory, and on tmpfs where there is
// one. `test_linux_block_device SEED` repeats a run.
#include "device_fixture.h"
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/resource.h>
#include <sys/stat.h>

namespace {
using namespace volley_test;
using volley::openBlockDevice;

constexpr std::uint64_t mebibyte = 1u << 20;

void testRefusedPaths(const TemporaryDirectory& directory) {
  for (const DeviceAccess access : {DeviceAccess::readOnly, DeviceAccess::exclusive}) {
    const auto missing = errorOf([&] { openBlockDevice(directory.file("missing"), access); });
    CHECK(missing && missing->systemError == ENOENT && missing->action == DeviceAction::open);
    CHECK(!std::filesystem::exists(directory.file("missing")));
    const auto character = errorOf([&] { openBlockDevice("/dev/full", access); });
    CHECK(character && character->systemError == ENOTBLK);
    const auto folder = errorOf([&] { openBlockDevice(directory.file("."), access); });
    CHECK(folder && folder->systemError == ENOTBLK && folder->device == directory.file("."));
  }
}

void testTransfers(const TemporaryDirectory& directory, Random& random, bool inMemory) {
  const std::string path = directory.file("disk");
  makeFile(path, 4 * mebibyte + 1000);
  Bytes expected(4 * mebibyte + 1000);
  {
    const auto device = openBlockDevice(path, DeviceAccess::exclusive);
    CHECK(device->path() == path && device->sizeBytes() == expected.size());
    CHECK(device->logicalSectorBytes() == 512 && device->alignmentBytes() == 4096);
    if (inMemory) CHECK(!device->bypassesCache());
    std::printf("%s: %s the cache\n", inMemory ? "tmpfs" : "temporary directory",
                device->bypassesCache() ? "past" : "through");
    checkRandomTransfers(*device, random, expected);
    checkZeroing(*device, random, expected);
    checkRandomTransfers(*device, random, expected);
    device->flush();
  }
  CHECK(contentOf(path) == expected);
}

void testHoleIsPunched(const TemporaryDirectory& directory, Random& random) {
  const std::string path = directory.file("hole");
  makeFile(path, mebibyte);
  Bytes bytes(mebibyte);
  randomize(bytes.data(), bytes.size(), random);
  const auto device = openBlockDevice(path, DeviceAccess::exclusive);
  const auto queue = device->makeQueue(1);
  CHECK(!carryOut(*queue, DeviceAction::write, 0, bytes.data(), bytes.size()).failed());
  device->flush();
  struct stat before {
  }, after{};
  ::stat(path.c_str(), &before);
  device->zeroRange(0, mebibyte);
  ::stat(path.c_str(), &after);
  CHECK(before.st_blocks > 0 && after.st_blocks < before.st_blocks && after.st_size == before.st_size);
  device->zeroRange(mebibyte, 0);
  const auto outside = errorOf([&] { device->zeroRange(mebibyte - 1, 2); });
  CHECK(outside && outside->systemError == ENOSPC && outside->action == DeviceAction::zero);
}

void testEnd(const TemporaryDirectory& directory) {
  const std::string path = directory.file("end");
  makeFile(path, 64 * 1024);
  const auto device = openBlockDevice(path, DeviceAccess::exclusive);
  const auto queue = device->makeQueue(2);
  volley::BufferPool pool(1, 8192);
  const auto buffer = pool.tryAcquire();
  for (const DeviceAction action : {DeviceAction::read, DeviceAction::readBack}) {
    const auto across = carryOut(*queue, action, 60 * 1024, buffer.data(), 8192);
    CHECK(across.failed() && across.transferred == 4096 && across.systemError == 0);
    const auto error = volley::fromDevice(*device, across);
    CHECK(error.code == volley::code::deviceRead && error.offset == 64 * 1024 && error.device == path);
  }
  const auto thrown = errorOf([&] { device->read(buffer.span(), 60 * 1024); });
  CHECK(thrown && thrown->systemError == 0 && thrown->offset == 64 * 1024 && thrown->length == 4096);

  const auto write = carryOut(*queue, DeviceAction::write, 60 * 1024, buffer.data(), 8192);
  CHECK(write.failed() && write.transferred == 4096 && write.systemError == ENOSPC);
  CHECK(std::string(write.call) == "pwrite");
  CHECK(carryOut(*queue, DeviceAction::write, 1u << 30, buffer.data(), 4096).systemError == ENOSPC);
  const auto error = volley::fromDevice(*device, write);
  CHECK(error.code == volley::code::deviceFull && error.systemError == ENOSPC && error.offset == 64 * 1024);
  CHECK(error.message().find(path) != std::string::npos &&
        error.message().find("65536") != std::string::npos);
  CHECK(std::filesystem::file_size(path) == 64 * 1024);
}

void testReadOnly(const TemporaryDirectory& directory) {
  const std::string path = directory.file("read-only");
  makeFile(path, 8192);
  const auto device = openBlockDevice(path, DeviceAccess::readOnly);
  const auto queue = device->makeQueue(1);
  volley::BufferPool pool(1, 4096);
  const auto buffer = pool.tryAcquire();
  const auto write = carryOut(*queue, DeviceAction::write, 0, buffer.data(), 4096);
  CHECK(write.failed() && write.transferred == 0 && write.systemError == EBADF);
  CHECK(volley::fromDevice(*device, write).code == volley::code::deviceWrite);
  CHECK(!carryOut(*queue, DeviceAction::read, 4096, buffer.data(), 4096).failed());
  // Somebody who reads keeps nobody out.
  CHECK(!errorOf([&] { openBlockDevice(path, DeviceAccess::exclusive); }));
}

void testOneWriter(const TemporaryDirectory& directory) {
  const std::string path = directory.file("one-writer");
  makeFile(path, 8192);
  auto first = openBlockDevice(path, DeviceAccess::exclusive);
  const auto second = errorOf([&] { openBlockDevice(path, DeviceAccess::exclusive); });
  CHECK(second && second->systemError == EBUSY && std::string(second->call) == "flock");
  if (second) CHECK(volley::fromDevice(*second).code == volley::code::deviceOpen);
  first.reset();
  CHECK(!errorOf([&] { openBlockDevice(path, DeviceAccess::exclusive); }));
}

// The limit is a signal by default, which must not end the program.
void testFileSizeLimit(const TemporaryDirectory& directory) {
  const std::string path = directory.file("limited");
  makeFile(path, 2 * mebibyte);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{mebibyte, before.rlim_max};
  auto device = openBlockDevice(path, DeviceAccess::exclusive);
  const auto queue = device->makeQueue(1);
  ::setrlimit(RLIMIT_FSIZE, &small);
  volley::BufferPool pool(1, 4096);
  const auto buffer = pool.tryAcquire();
  const auto write = carryOut(*queue, DeviceAction::write, mebibyte, buffer.data(), 4096);
  CHECK(write.failed() && write.systemError == EFBIG);
  const auto error = volley::fromDevice(*device, write);
  CHECK(error.code == volley::code::deviceWrite && error.offset == static_cast<std::int64_t>(mebibyte));
  const auto other = directory.file("limited-from-the-start");
  std::filesystem::copy_file(directory.file("end"), other);
  CHECK(!errorOf([&] { openBlockDevice(other, DeviceAccess::exclusive); }));
  ::setrlimit(RLIMIT_FSIZE, &before);
  makeFile(other, 2 * mebibyte);
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto refused = errorOf([&] { openBlockDevice(other, DeviceAccess::exclusive); });
  CHECK(refused && refused->systemError == EFBIG && std::string(refused->call) == "getrlimit");
  ::setrlimit(RLIMIT_FSIZE, &before);
}

// procfs refuses to open a file for direct access.
void testFallback() {
  const auto device = openBlockDevice("/proc/version", DeviceAccess::readOnly);
  CHECK(!device->bypassesCache());
  const auto queue = device->makeQueue(1);
  volley::BufferPool pool(1, 4096);
  const auto buffer = pool.tryAcquire();
  const auto completion = carryOut(*queue, DeviceAction::readBack, 0, buffer.data(), 4096);
  CHECK(completion.systemError == 0 && completion.transferred > 5);
  CHECK(std::memcmp(buffer.data(), "Linux", 5) == 0);
}

// A queue that goes away with operations in flight leaves no thread behind that still uses their buffers.
void testQueueGoesAway(const TemporaryDirectory& directory) {
  const std::string path = directory.file("abandoned");
  makeFile(path, 16 * mebibyte);
  const auto device = openBlockDevice(path, DeviceAccess::exclusive);
  for (int round = 0; round < 20; ++round) {
    volley::BufferPool pool(8, mebibyte);
    std::vector<volley::PooledBuffer> buffers;
    const auto queue = device->makeQueue(8);
    for (std::uint64_t number = 0; number < 8; ++number) {
      buffers.push_back(pool.acquire());
      CHECK(queue->submit({DeviceAction::write, number * mebibyte, buffers.back().data(), mebibyte, number}));
    }
  }
}

} // namespace

int main(int argumentCount, char** arguments) {
  const std::uint64_t seed =
      argumentCount > 1 ? std::strtoull(arguments[1], nullptr, 10) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Random random(seed);
  const TemporaryDirectory directory(std::filesystem::temp_directory_path());
  testRefusedPaths(directory);
  testTransfers(directory, random, false);
  testHoleIsPunched(directory, random);
  testEnd(directory);
  testReadOnly(directory);
  testOneWriter(directory);
  testFileSizeLimit(directory);
  testFallback();
  testQueueGoesAway(directory);
  if (::access("/dev/shm", W_OK) == 0) {
    const TemporaryDirectory memory("/dev/shm");
    testTransfers(memory, random, true);
    testEnd(memory);
  }
  return volley_test::finish();
}
