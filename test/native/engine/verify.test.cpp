// A content file is compared with its manifest: what was changed is found, and nothing else.
#include "engine/verify.h"
#include "images.h"
#include "temporary_folder.h"
#include <filesystem>

using namespace volley;
using namespace volley_test;

namespace {

struct Fixture {
  TemporaryFolder folder;
  std::string content = folder.at("image.content");
  Manifest manifest;
  TaskControl control;

  Fixture(std::size_t size, std::mt19937_64& random) {
    const std::string source = folder.at("image.raw");
    writeFile(source, randomImage(size, random));
    manifest = manifestOf(importContent({source, size, content, 2, 1}, control), size);
  }
  std::vector<std::uint32_t> badChunks(std::uint32_t threads = 2) {
    TaskControl fresh;
    auto bad = verifyContent({manifest, content, threads}, fresh);
    CHECK(fresh.bytesDone() == manifest.imageBytes);
    return bad;
  }
  // The chunk that has the stored byte.
  std::uint32_t chunkAt(std::uint64_t offset) const {
    std::uint32_t chunk = 0;
    for (std::uint64_t end = manifest.chunks[0].storedBytes; end <= offset;
         end += manifest.chunks[chunk].storedBytes)
      ++chunk;
    return chunk;
  }
};

void changedBytesAreFound(std::mt19937_64& random) {
  Fixture fixture(12 * limits::chunkBytes + 512, random);
  CHECK(fixture.badChunks(1).empty() && fixture.badChunks(5).empty());
  if (fixture.manifest.contentBytes == 0) return; // all chunks came out as holes
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t offset = random() % fixture.manifest.contentBytes;
    flipByte(fixture.content, offset);
    CHECK(fixture.badChunks() == std::vector<std::uint32_t>{fixture.chunkAt(offset)});
    flipByte(fixture.content, offset);
  }
  CHECK(fixture.badChunks().empty());
}

void missingAndFurtherBytesAreFound(std::mt19937_64& random) {
  Fixture fixture(12 * limits::chunkBytes, random);
  if (fixture.manifest.contentBytes == 0) return;
  std::filesystem::resize_file(fixture.content, fixture.manifest.contentBytes + 1);
  const EngineError longer = errorOf([&] { fixture.badChunks(); });
  CHECK(longer.code == code::contentCorrupt && longer.device == fixture.content);
  CHECK(longer.offset == static_cast<std::int64_t>(fixture.manifest.contentBytes));
  std::filesystem::resize_file(fixture.content, fixture.manifest.contentBytes - 1);
  CHECK(fixture.badChunks() ==
        std::vector<std::uint32_t>{fixture.chunkAt(fixture.manifest.contentBytes - 1)});
  std::filesystem::resize_file(fixture.content, 0);
  const auto stored = std::count_if(fixture.manifest.chunks.begin(), fixture.manifest.chunks.end(),
                                    [](const ManifestChunk& chunk) { return chunk.storedBytes > 0; });
  CHECK(fixture.badChunks().size() == static_cast<std::size_t>(stored));
  std::filesystem::remove(fixture.content);
  CHECK(errorOf([&] { fixture.badChunks(); }).code == code::contentRead);
}

void holesAreCheckedToo(std::mt19937_64& random) {
  Fixture fixture(3 * limits::chunkBytes, random);
  writeFile(fixture.content, {});
  for (std::uint32_t i = 0; i < 3; ++i) {
    fixture.manifest.chunks[i] = {
        blake3::subtreeOfZeros(limits::chunkBytes, i * std::uint64_t{limits::chunkBytes}), 0, Encoding::hole};
  }
  fixture.manifest.contentBytes = 0;
  CHECK(fixture.badChunks().empty());
  std::swap(fixture.manifest.chunks[1], fixture.manifest.chunks[2]); // right bytes, wrong places
  CHECK((fixture.badChunks() == std::vector<std::uint32_t>{1, 2}));
}

void cancelEndsIt(std::mt19937_64& random) {
  Fixture fixture(4 * limits::chunkBytes, random);
  fixture.control.cancel();
  const auto work = [&] { verifyContent({fixture.manifest, fixture.content, 2}, fixture.control); };
  CHECK(errorOf(work).code == code::cancelled);
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  changedBytesAreFound(random);
  missingAndFurtherBytesAreFound(random);
  holesAreCheckedToo(random);
  cancelEndsIt(random);
  return finish();
}
