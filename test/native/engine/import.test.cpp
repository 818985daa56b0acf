// Imports against real files and FIFOs: what comes out is the image, and what goes wrong leaves nothing
// behind.
#include "engine/import.h"
#include "engine/chunk_codec.h"
#include "images.h"
#include "temporary_folder.h"
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace volley;
using namespace volley_test;

namespace {

struct Fixture {
  TemporaryFolder folder;
  std::string source = folder.at("image.raw");
  std::string content = folder.at("image.content");
  TaskControl control;

  ImportOptions options(std::uint64_t imageBytes, std::uint32_t threads = 2) const {
    return {source, imageBytes, content, threads, 3};
  }
  bool contentExists() const { return std::filesystem::exists(content); }
};

// The image again, from its content.
Bytes unpack(const ImportResult& result, const Bytes& content, std::size_t imageBytes) {
  Bytes image(imageBytes);
  ChunkDecompressor decompressor;
  std::size_t from = 0, to = 0;
  for (const ManifestChunk& chunk : result.chunks) {
    const std::size_t length = std::min<std::size_t>(limits::chunkBytes, imageBytes - to);
    const std::span<const std::uint8_t> stored(content.data() + from, chunk.storedBytes);
    if (chunk.encoding == Encoding::raw)
      std::copy(stored.begin(), stored.end(), image.begin() + static_cast<std::ptrdiff_t>(to));
    if (chunk.encoding == Encoding::zstd) CHECK(decompressor.decompress(stored, {image.data() + to, length}));
    from += chunk.storedBytes;
    to += length;
  }
  CHECK(from == content.size());
  return image;
}

void checkResult(const Fixture& fixture, const Bytes& image, const ImportResult& result) {
  CHECK(result.root == blake3::hash(image));
  CHECK(result.contentBytes == std::filesystem::file_size(fixture.content));
  CHECK(unpack(result, readFile(fixture.content), image.size()) == image);
  const std::size_t edge = std::min(limits::edgeBytes, image.size());
  CHECK(std::equal(result.firstBytes.begin(), result.firstBytes.end(), image.begin()) &&
        result.firstBytes.size() == edge);
  CHECK(std::equal(result.lastBytes.begin(), result.lastBytes.end(),
                   image.end() - static_cast<std::ptrdiff_t>(edge)) &&
        result.lastBytes.size() == edge);
  for (std::size_t i = 0; i < result.chunks.size(); ++i) {
    const auto start = image.data() + i * limits::chunkBytes;
    const std::size_t length =
        std::min<std::size_t>(limits::chunkBytes, image.size() - i * limits::chunkBytes);
    CHECK((result.chunks[i].encoding == Encoding::hole) == allZero({start, length}));
    CHECK(result.chunks[i].encoding != Encoding::zstd || result.chunks[i].storedBytes <= usefulBytes(length));
  }
  CHECK(fixture.control.bytesDone() == image.size() && fixture.control.bytesTotal() == image.size());
}

void everySizeRoundTrips(std::mt19937_64& random) {
  constexpr std::size_t mebi = limits::chunkBytes;
  for (const std::size_t size : {std::size_t{512}, std::size_t{4096}, mebi - 512, mebi, mebi + 512,
                                 2 * mebi + 4096, 9 * mebi, 20 * mebi + 1536}) {
    for (const std::uint32_t threads : {1u, 2u, 5u}) {
      Fixture fixture;
      const Bytes image = randomImage(size, random);
      writeFile(fixture.source, image);
      checkResult(fixture, image, importContent(fixture.options(size, threads), fixture.control));
    }
  }
}

void imagesOfOneKindAreStoredWell(std::mt19937_64& random) {
  constexpr std::size_t size = 3 * limits::chunkBytes;
  const Bytes zeros(size);
  Bytes noise(size), text(size);
  for (std::uint8_t& byte : noise)
    byte = static_cast<std::uint8_t>(random());
  for (std::uint8_t& byte : text)
    byte = static_cast<std::uint8_t>('a' + random() % 4);
  for (const auto& [image, least, most] :
       {std::tuple(zeros, std::size_t{0}, std::size_t{0}), std::tuple(noise, size, size),
        std::tuple(text, size / 16, size / 2)}) {
    Fixture fixture;
    writeFile(fixture.source, image);
    const ImportResult result = importContent(fixture.options(size), fixture.control);
    checkResult(fixture, image, result);
    CHECK(result.contentBytes >= least && result.contentBytes <= most);
  }
}

std::uint64_t bytesRead() {
  std::ifstream file("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  file >> name >> value; // "rchar: N"
  return value;
}

void holesOfTheSourceAreNotRead() {
  constexpr std::uint64_t size = 256ull << 20;
  Fixture fixture;
  writeFile(fixture.source, Bytes(4096, 7));
  std::filesystem::resize_file(fixture.source, size);
  const std::uint64_t before = bytesRead();
  const ImportResult result = importContent(fixture.options(size), fixture.control);
  CHECK(bytesRead() - before < 4 * limits::chunkBytes);
  CHECK(result.root == blake3::hash(readFile(fixture.source)));
  CHECK(std::count_if(result.chunks.begin(), result.chunks.end(),
                      [](const ManifestChunk& chunk) { return chunk.encoding == Encoding::hole; }) == 255);
}

// Writes into the FIFO from a thread of its own, in pieces of odd sizes, as a converter would.
std::thread feed(const std::string& path, const Bytes& image) {
  return std::thread([path, &image] {
    const int fifo = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    for (std::size_t done = 0; done < image.size();) {
      const ssize_t put =
          ::write(fifo, image.data() + done, std::min<std::size_t>(70'001, image.size() - done));
      if (put < 0) break;
      done += static_cast<std::size_t>(put);
    }
    ::close(fifo);
  });
}

void fifosAreRead(std::mt19937_64& random) {
  constexpr std::size_t size = 5 * limits::chunkBytes + 512;
  const Bytes image = randomImage(size, random);
  for (const std::int64_t difference : {0, -512, 512}) {
    Fixture fixture;
    ::mkfifo(fixture.source.c_str(), 0600);
    std::thread writer = feed(fixture.source, image);
    const auto work = [&] {
      const auto says = static_cast<std::uint64_t>(static_cast<std::int64_t>(size) + difference);
      checkResult(fixture, image, importContent(fixture.options(says), fixture.control));
    };
    if (difference == 0) {
      work();
    } else {
      const EngineError error = errorOf(work);
      CHECK(error.code == code::imageTruncated && error.device == fixture.source);
      CHECK(error.offset == static_cast<std::int64_t>(difference < 0 ? size - 512 : size));
      CHECK(!fixture.contentExists());
    }
    writer.join();
  }
}

void wrongSizesAreSaid(std::mt19937_64& random) {
  constexpr std::size_t size = 2 * limits::chunkBytes;
  for (const std::size_t says : {size - 512, size + 512}) {
    Fixture fixture;
    writeFile(fixture.source, randomImage(size, random));
    const EngineError error = errorOf([&] { importContent(fixture.options(says), fixture.control); });
    CHECK(error.code == code::imageTruncated && error.device == fixture.source);
    CHECK(!fixture.contentExists());
  }
}

void cancelIsPromptWhileTheSourceIsSilent() {
  for (const bool withWriter : {false, true}) {
    Fixture fixture;
    ::mkfifo(fixture.source.c_str(), 0600);
    const int silent = withWriter ? ::open(fixture.source.c_str(), O_RDWR | O_CLOEXEC) : -1;
    std::chrono::steady_clock::time_point cancelled;
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      cancelled = std::chrono::steady_clock::now();
      fixture.control.cancel();
    });
    const EngineError error = errorOf([&] { importContent(fixture.options(1 << 30), fixture.control); });
    const auto waited = std::chrono::steady_clock::now();
    canceller.join();
    CHECK(error.code == code::cancelled);
    CHECK(waited - cancelled < std::chrono::seconds(5)); // a silent source would make it wait for ever
    CHECK(!fixture.contentExists());
    if (silent >= 0) ::close(silent);
  }
}

void whatIsThereIsLeftAlone(std::mt19937_64& random) {
  Fixture fixture;
  const Bytes image = randomImage(limits::chunkBytes, random), other(100, 5);
  writeFile(fixture.source, image);
  writeFile(fixture.content, other);
  const EngineError error = errorOf([&] { importContent(fixture.options(image.size()), fixture.control); });
  CHECK(error.code == code::contentWrite && error.systemError == EEXIST && error.device == fixture.content);
  CHECK(readFile(fixture.content) == other);
}

void whatIsNoImageIsSaid() {
  Fixture fixture;
  EngineError error = errorOf([&] { importContent(fixture.options(512), fixture.control); });
  CHECK(error.code == code::sourceRead && error.systemError == ENOENT && error.call == "open");
  std::filesystem::create_directory(fixture.source);
  error = errorOf([&] { importContent(fixture.options(512), fixture.control); });
  CHECK(error.code == code::sourceRead && error.systemError == EISDIR);
  CHECK(!fixture.contentExists());
}

// A file system of 3 MiB in a mount namespace of this process. Needs root; without it the check is left out.
void aFullDiskIsSaid(std::mt19937_64& random) {
  Fixture fixture;
  const std::string small = fixture.folder.at("small");
  std::filesystem::create_directory(small);
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("volley", small.c_str(), "tmpfs", 0, "size=3m") != 0) {
    std::printf("left out: a full disk (not root)\n");
    return;
  }
  Bytes image(8 * limits::chunkBytes);
  for (std::uint8_t& byte : image)
    byte = static_cast<std::uint8_t>(random());
  writeFile(fixture.source, image);
  fixture.content = small + "/image.content";
  const EngineError error = errorOf([&] { importContent(fixture.options(image.size()), fixture.control); });
  CHECK(error.code == code::contentWrite && error.systemError == ENOSPC && error.device == fixture.content);
  CHECK(error.offset >= 2 << 20 && error.offset <= 3 << 20 && error.chunk >= 2 && error.chunk <= 3);
  CHECK(!fixture.contentExists());
  ::umount(small.c_str());
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  everySizeRoundTrips(random);
  imagesOfOneKindAreStoredWell(random);
  holesOfTheSourceAreNotRead();
  fifosAreRead(random);
  wrongSizesAreSaid(random);
  cancelIsPromptWhileTheSourceIsSilent();
  whatIsThereIsLeftAlone(random);
  whatIsNoImageIsSaid();
  aFullDiskIsSaid(random);
  return finish();
}
