// Manifest: written and read back; every cut and every changed byte is refused, or read so faithfully that the
// bytes under the signature differ.
#include "check.h"
#include "core/limits.h"
#include "core/manifest.h"
#include <algorithm>
#include <random>

using namespace volley;

namespace {
Manifest some(std::mt19937_64& random, std::uint32_t chunks) {
  Manifest manifest;
  manifest.sectorBytes = random() % 2 == 0 ? 512 : 4096;
  manifest.imageBytes = std::uint64_t{chunks - 1} * limits::chunkBytes + manifest.sectorBytes * (1 + random() % 256);
  manifest.smallestDiskBytes = manifest.imageBytes + random() % 1000;
  manifest.firmware = static_cast<std::uint32_t>(random() % 4);
  std::vector<blake3::Hash> values;
  for (std::uint32_t i = 0; i < chunks; ++i) {
    ManifestChunk chunk;
    for (auto& byte : chunk.chainingValue) byte = static_cast<std::uint8_t>(random());
    chunk.encoding = static_cast<Encoding>(random() % 3);
    const std::uint32_t whole = manifest.chunkBytes(i);
    chunk.storedBytes = chunk.encoding == Encoding::hole  ? 0
                        : chunk.encoding == Encoding::raw ? whole
                                                          : static_cast<std::uint32_t>(1 + random() % (whole - 1));
    manifest.contentBytes += chunk.storedBytes;
    manifest.chunks.push_back(chunk);
    values.push_back(chunk.chainingValue);
  }
  manifest.root = chunks == 1 ? values[0] : blake3::rootOf(values);
  return manifest;
}

std::vector<std::uint8_t> withSignature(std::vector<std::uint8_t> bytes) {
  bytes.resize(bytes.size() + Manifest::signatureBytes, 0x5a);
  return bytes;
}

// Refused, or what was read is exactly what the bytes say, so that the signature over them has the last word.
bool refusedOrFaithful(const std::vector<std::uint8_t>& file) {
  try {
    const auto again = Manifest::parse(file).serialise();
    return again.size() + Manifest::signatureBytes == file.size() &&
           std::equal(again.begin(), again.end(), file.begin());
  } catch (const ManifestError&) {
    return true;
  }
}

bool refused(const Manifest& manifest) {
  try {
    (void)manifest.serialise();
    return false;
  } catch (const ManifestError&) {
    return true;
  }
}

void roundTrip(std::mt19937_64& random, std::uint32_t chunks) {
  const Manifest manifest = some(random, chunks);
  const auto file = withSignature(manifest.serialise());
  CHECK(file.size() == 96 + 40 * chunks + 64);
  const Manifest got = Manifest::parse(file);
  CHECK(got.root == manifest.root && got.imageBytes == manifest.imageBytes);
  CHECK(got.contentBytes == manifest.contentBytes && got.smallestDiskBytes == manifest.smallestDiskBytes);
  CHECK(got.sectorBytes == manifest.sectorBytes && got.firmware == manifest.firmware);
  CHECK(got.chunks.size() == chunks);
  CHECK(withSignature(got.serialise()) == file);
}

// The table of docs/PROTOCOL.md 1.1, written out.
void bytesOfTheDocument() {
  Manifest manifest;
  manifest.imageBytes = 0x2000;
  manifest.contentBytes = 0x0123;
  manifest.smallestDiskBytes = 0x0102030405060708;
  manifest.sectorBytes = 4096;
  manifest.firmware = 2;
  for (std::uint8_t i = 0; i < 32; ++i) manifest.root[i] = static_cast<std::uint8_t>(0xa0 + i);
  manifest.chunks.push_back({manifest.root, 0x0123, Encoding::zstd});
  std::vector<std::uint8_t> bytes = {'V', 'L', 'Y', 'M', 'A', 'N', 'I', '1'};
  const auto add = [&bytes](std::initializer_list<std::uint8_t> more) { bytes.insert(bytes.end(), more); };
  bytes.insert(bytes.end(), manifest.root.begin(), manifest.root.end());
  add({0x00, 0x20, 0, 0, 0, 0, 0, 0});
  add({0x23, 0x01, 0, 0, 0, 0, 0, 0});
  add({0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01});
  add({0x00, 0x00, 0x10, 0x00});
  add({1, 0, 0, 0});
  add({0x00, 0x10, 0, 0});
  add({2, 0, 0, 0});
  add({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  bytes.insert(bytes.end(), manifest.root.begin(), manifest.root.end()); // a single chunk's chaining value is the root
  add({0x23, 0x01, 0, 0});
  add({2, 0, 0, 0});
  CHECK(manifest.serialise() == bytes);
}

void everyChangeAndCut(std::mt19937_64& random, std::uint32_t chunks) {
  const auto file = withSignature(some(random, chunks).serialise());
  for (std::size_t i = 0; i < file.size(); ++i) {
    auto changed = file;
    changed[i] ^= static_cast<std::uint8_t>(1 + random() % 255);
    CHECK(refusedOrFaithful(changed));
    const bool inChainingValue = i >= 96 && i < file.size() - 64 && (i - 96) % 40 < 32;
    if (i < 40 || (i >= 64 && i < 72) || (i >= 80 && i < 96) || inChainingValue) {
      bool threw = false;
      try {
        (void)Manifest::parse(changed);
      } catch (const ManifestError&) {
        threw = true;
      }
      CHECK(threw);
    }
    bool threw = false;
    try {
      (void)Manifest::parse(std::span(file).first(i));
    } catch (const ManifestError&) {
      threw = true;
    }
    CHECK(threw);
  }
}

void disagreement(std::mt19937_64& random) {
  const Manifest good = some(random, 5);
  CHECK(!refused(good));
  const auto with = [&good](auto change) {
    Manifest manifest = good;
    change(manifest);
    return refused(manifest);
  };
  CHECK(with([](Manifest& m) { m.sectorBytes = 1024; }));
  CHECK(with([](Manifest& m) { m.imageBytes += 1; }));
  CHECK(with([](Manifest& m) { m.imageBytes = 0; }));
  CHECK(with([](Manifest& m) { m.contentBytes += 1; }));
  CHECK(with([](Manifest& m) { m.smallestDiskBytes = m.imageBytes - 1; }));
  CHECK(with([](Manifest& m) { m.firmware = 4; }));
  CHECK(with([](Manifest& m) { m.chunks.pop_back(); }));
  CHECK(with([](Manifest& m) { std::swap(m.chunks[1].chainingValue, m.chunks[2].chainingValue); }));
  CHECK(with([](Manifest& m) { m.chunks[3].storedBytes ^= 1; }));
  CHECK(with([](Manifest& m) { m.chunks[0].encoding = static_cast<Encoding>(3); }));
  CHECK(with([](Manifest& m) { m.root[0] ^= 1; }));
}
} // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::stoull(argv[1]) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  bytesOfTheDocument();
  for (std::uint32_t chunks = 1; chunks < 40; ++chunks) roundTrip(random, chunks);
  everyChangeAndCut(random, 1);
  everyChangeAndCut(random, 7);
  disagreement(random);
  return volley_test::finish();
}
