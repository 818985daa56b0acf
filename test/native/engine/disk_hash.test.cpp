// The hash of a disk is that of its bytes, whatever the size, and reading leaves nothing in the page cache.
#include "engine/disk_hash.h"
#include "images.h"
#include "temporary_folder.h"
#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace volley;
using namespace volley_test;

namespace {

struct Fixture {
  TemporaryFolder folder;
  std::string disk = folder.at("disk.raw");
  TaskControl control;
};

blake3::Hash hashOf(const Bytes& image, std::size_t bytes) {
  return blake3::hash({image.data(), bytes});
}

void everySizeHashesRight(std::mt19937_64& random) {
  constexpr std::size_t mebi = limits::chunkBytes;
  Fixture fixture;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{512}, std::size_t{5000}, mebi, mebi + 1, 9 * mebi, 20 * mebi + 513}) {
    const Bytes image = randomImage(size, random);
    writeFile(fixture.disk, image);
    for (const std::uint32_t threads : {1u, 3u}) {
      // All of it, and a part that ends anywhere.
      for (const std::size_t bytes : {size, 1 + random() % size}) {
        TaskControl control;
        CHECK(hashDisk({fixture.disk, bytes, threads}, control).root == hashOf(image, bytes));
        CHECK(control.bytesDone() == bytes && control.bytesTotal() == bytes);
      }
    }
  }
}

// How many pages of the file are in the page cache.
std::size_t cachedPages(const std::string& path, std::size_t size) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  std::vector<unsigned char> pages((size + 4095) / 4096);
  CHECK(memory != MAP_FAILED && ::mincore(memory, size, pages.data()) == 0);
  ::munmap(memory, size);
  ::close(file);
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; }));
}

void theDiskIsReadAndNotTheCache(std::mt19937_64& random) {
  constexpr std::size_t size = 8 * limits::chunkBytes;
  Fixture fixture;
  const Bytes image = randomImage(size, random);
  writeFile(fixture.disk, image);
  const int file = ::open(fixture.disk.c_str(), O_RDONLY | O_CLOEXEC);
  ::fsync(file);
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  ::close(file);
  const DiskHash hash = hashDisk({fixture.disk, size, 2}, fixture.control);
  CHECK(hash.root == blake3::hash(image));
  if (hash.direct)
    CHECK(cachedPages(fixture.disk, size) == 0);
  else
    std::printf("left out: this folder's file system has no direct reads\n");
}

void refusedDirectReadsAreSaid(std::mt19937_64& random) {
  Fixture fixture;
  const std::string small = fixture.folder.at("memory");
  std::filesystem::create_directory(small);
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("volley", small.c_str(), "ramfs", 0, nullptr) != 0) {
    std::printf("left out: a file system without direct reads (not root)\n");
    return;
  }
  const Bytes image = randomImage(3 * limits::chunkBytes + 100, random);
  writeFile(small + "/disk.raw", image);
  const DiskHash hash = hashDisk({small + "/disk.raw", image.size(), 2}, fixture.control);
  CHECK(!hash.direct && hash.root == blake3::hash(image));
  ::umount(small.c_str());
}

void whatCannotBeHashedIsSaid() {
  Fixture fixture;
  const auto hash = [&](std::uint64_t bytes) {
    return errorOf([&] { hashDisk({fixture.disk, bytes, 2}, fixture.control); });
  };
  EngineError error = hash(1);
  CHECK(error.code == code::deviceOpen && error.systemError == ENOENT && error.device == fixture.disk);
  writeFile(fixture.disk, Bytes(1000, 1));
  CHECK(hash(1001).code == code::deviceTooSmall);
  std::filesystem::remove(fixture.disk);
  ::mkfifo(fixture.disk.c_str(), 0600);
  CHECK(hash(1).code == code::deviceOpen);
  std::filesystem::remove(fixture.disk);
  writeFile(fixture.disk, Bytes(1000, 1));
  fixture.control.cancel();
  CHECK(hash(1000).code == code::cancelled);
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  everySizeHashesRight(random);
  theDiskIsReadAndNotTheCache(random);
  refusedDirectReadsAreSaid(random);
  whatCannotBeHashedIsSaid();
  return finish();
}
