// Real block devices: loop devices, and a file system that is full. Needs root; without it, says so and
// checks nothing. `test_linux_loop_device SEED` repeats a run.
#include "device_fixture.h"
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <thread>

namespace {
using namespace volley_test;
using volley::openBlockDevice;

constexpr std::uint64_t mebibyte = 1u << 20;

// A loop device over a file; the kernel takes it down when the last one closes it.
class LoopDevice {
public:
  explicit LoopDevice(const std::string& backing, std::uint32_t sectorBytes) {
    const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    const int file = ::open(backing.c_str(), O_RDWR | O_CLOEXEC);
    // Between asking for a free one and taking it another process may be faster.
    for (int attempt = 0; attempt < 20 && descriptor_ < 0 && control >= 0 && file >= 0; ++attempt) {
      const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
      if (number < 0) break;
      path_ = "/dev/loop" + std::to_string(number);
      const int descriptor = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
      loop_config config{};
      config.fd = static_cast<std::uint32_t>(file);
      config.block_size = sectorBytes;
      config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
      if (descriptor >= 0 && ::ioctl(descriptor, LOOP_CONFIGURE, &config) == 0) {
        descriptor_ = descriptor;
      } else if (descriptor >= 0) {
        ::close(descriptor);
      }
    }
    if (file >= 0) ::close(file);
    if (control >= 0) ::close(control);
  }
  ~LoopDevice() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  bool there() const { return descriptor_ >= 0; }
  const std::string& path() const { return path_; }

private:
  int descriptor_ = -1;
  std::string path_;
};

void testLoopDevice(const TemporaryDirectory& directory, Random& random, std::uint32_t sectorBytes) {
  const std::string backing = directory.file("backing-" + std::to_string(sectorBytes));
  makeFile(backing, 4 * mebibyte);
  Bytes expected(4 * mebibyte);
  {
    const LoopDevice loop(backing, sectorBytes);
    CHECK(loop.there());
    if (!loop.there()) return;
    const auto device = openBlockDevice(loop.path(), DeviceAccess::exclusive);
    CHECK(device->sizeBytes() == 4 * mebibyte && device->logicalSectorBytes() == sectorBytes);
    CHECK(device->alignmentBytes() == sectorBytes && device->bypassesCache());
    checkRandomTransfers(*device, random, expected);
    checkZeroing(*device, random, expected);
    checkRandomTransfers(*device, random, expected);

    const auto second = errorOf([&] { openBlockDevice(loop.path(), DeviceAccess::exclusive); });
    CHECK(second && second->systemError == EBUSY && std::string(second->call) == "open");
    CHECK(!errorOf([&] { openBlockDevice(loop.path(), DeviceAccess::readOnly); }));

    volley::BufferPool pool(1, 8192);
    const auto buffer = pool.tryAcquire();
    std::fill_n(buffer.data(), 8192, std::uint8_t{0});
    const auto queue = device->makeQueue(1);
    const auto write = carryOut(*queue, DeviceAction::write, 4 * mebibyte - 4096, buffer.data(), 8192);
    CHECK(write.failed() && write.systemError == ENOSPC && write.transferred == 4096);
    std::fill_n(expected.end() - 4096, 4096, std::uint8_t{0});
    const auto read = carryOut(*queue, DeviceAction::readBack, 4 * mebibyte - 4096, buffer.data(), 8192);
    CHECK(read.failed() && read.systemError == 0 && read.transferred == 4096);
    device->flush();
  }
  CHECK(contentOf(backing) == expected);
}

// A disk with a mounted file system must not be opened for writing.
void testMountedDisk(const TemporaryDirectory& directory) {
  const std::string backing = directory.file("mounted");
  makeFile(backing, 8 * mebibyte);
  if (std::system(("mkfs.ext2 -q " + backing).c_str()) != 0) {
    std::printf("no mkfs.ext2: mounted disks are not tested\n");
    return;
  }
  const LoopDevice loop(backing, 512);
  CHECK(loop.there());
  const std::string at = directory.file("mount-point");
  std::filesystem::create_directory(at);
  if (::mount(loop.path().c_str(), at.c_str(), "ext2", 0, nullptr) != 0 &&
      ::mount(loop.path().c_str(), at.c_str(), "ext4", 0, nullptr) != 0) {
    std::printf("no ext2 in this kernel: mounted disks are not tested\n");
    return;
  }
  const auto refused = errorOf([&] { openBlockDevice(loop.path(), DeviceAccess::exclusive); });
  CHECK(refused && refused->systemError == EBUSY);
  ::umount(at.c_str());
  CHECK(!errorOf([&] { openBlockDevice(loop.path(), DeviceAccess::exclusive); }));
}

// A file system of 2 MiB holds disks that claim to be larger.
void testFullFileSystem(const TemporaryDirectory& directory) {
  const std::string at = directory.file("small");
  std::filesystem::create_directory(at);
  CHECK(::mount("tmpfs", at.c_str(), "tmpfs", 0, "size=2m") == 0);
  volley::BufferPool pool(1, mebibyte + 4096);
  const auto buffer = pool.tryAcquire();
  std::fill_n(buffer.data(), buffer.size(), std::uint8_t{0x5a});
  {
    makeFile(at + "/disk", 8 * mebibyte);
    const auto device = openBlockDevice(at + "/disk", DeviceAccess::exclusive);
    const auto queue = device->makeQueue(1);
    DeviceCompletion completion{};
    for (std::uint64_t offset = 0; offset < 8 * mebibyte && !completion.failed(); offset += mebibyte)
      completion = carryOut(*queue, DeviceAction::write, offset, buffer.data(), mebibyte);
    CHECK(completion.failed() && completion.systemError == ENOSPC);
    const auto error = volley::fromDevice(*device, completion);
    CHECK(error.code == volley::code::deviceFull && error.call == "pwrite" && error.offset >= 1 << 20);
    std::printf("%s\n", error.what());
    std::filesystem::remove(at + "/disk");
  }
  {
    // Through the cache the writes succeed; that they are lost is told by the flush.
    makeFile(at + "/disk", 8 * mebibyte);
    const LoopDevice loop(at + "/disk", 512);
    CHECK(loop.there());
    const auto device = openBlockDevice(loop.path(), DeviceAccess::exclusive);
    const auto queue = device->makeQueue(1);
    for (std::uint64_t offset = 0; offset < 8 * mebibyte; offset += mebibyte)
      CHECK(!carryOut(*queue, DeviceAction::write, offset, buffer.data() + 1, mebibyte).failed());
    const auto lost = errorOf([&] { device->flush(); });
    CHECK(lost && lost->action == DeviceAction::flush && lost->systemError != 0);
    if (lost) CHECK(volley::fromDevice(*lost).code == volley::code::deviceFlush);
    if (lost) std::printf("%s\n", volley::fromDevice(*lost).what());
    // Directly, the write itself says so.
    const auto write = carryOut(*queue, DeviceAction::write, 6 * mebibyte, buffer.data(), mebibyte);
    CHECK(write.failed() && write.systemError != 0);
  }
  ::umount2(at.c_str(), MNT_DETACH);
}

} // namespace

int main(int argumentCount, char** arguments) {
  const std::uint64_t seed =
      argumentCount > 1 ? std::strtoull(arguments[1], nullptr, 10) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  // What is mounted here goes with the program, however it ends.
  if (::geteuid() != 0 || ::access("/dev/loop-control", W_OK) != 0 || ::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    std::printf("no right to make loop devices and mounts: nothing checked\n");
    return 0;
  }
  Random random(seed);
  const TemporaryDirectory directory(std::filesystem::temp_directory_path());
  testLoopDevice(directory, random, 512);
  testLoopDevice(directory, random, 4096);
  testMountedDisk(directory);
  testFullFileSystem(directory);
  return volley_test::finish();
}
