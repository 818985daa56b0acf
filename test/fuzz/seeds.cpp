// Writes what the fuzz targets begin with, into FOLDER/<target>/: `fuzz_seeds FOLDER`. Real datagrams and
// manifests of every kind, and for the machines sequences that get them going; the fuzzer finds its way from
// there.
#include "core/codec.h"
#include "core/limits.h"
#include "core/manifest.h"
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

using namespace volley;

namespace {

using Bytes = std::vector<std::uint8_t>;

class Seeds {
public:
  Seeds(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }
  void add(const Bytes& bytes) {
    std::ofstream file(folder_ / ("seed-" + std::to_string(count_++)), std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file) throw std::runtime_error("a seed cannot be written");
  }

private:
  std::filesystem::path folder_;
  int count_ = 0;
};

void datagrams(Seeds seeds) {
  const Header header{DatagramType::data, 1, 77, 2, 1000, 5, 3, 60};
  Bytes bytes(limits::headerBytes + 256 + limits::tagBytes);
  writeHeader(header, bytes.data());
  seeds.add(bytes);
  bytes[1] = static_cast<std::uint8_t>(DatagramType::encryptedData);
  seeds.add(bytes);
  for (const std::size_t runs : {0u, 1u, 7u}) {
    std::vector<Run> some(runs, {3, 2, 9});
    Announce announce{5'000'000, 25'000, 100, 3000, 12, 0, 40, some, std::vector<std::uint32_t>(runs, 7)};
    writeAnnounce(header, announce, bytes);
    bytes.resize(bytes.size() + limits::tagBytes, 0x5a);
    seeds.add(bytes);
    writeReport(header, {7, runs == 0, false, 900, 120, 10'000, 24'000, 30, 4, some}, bytes);
    bytes.resize(bytes.size() + limits::tagBytes, 0x5a);
    seeds.add(bytes);
  }
}

void manifests(Seeds seeds) {
  for (const std::uint32_t chunks : {1u, 2u, 5u}) {
    for (const std::uint8_t mends : {0, 1, 3}) {
      Manifest manifest;
      manifest.imageBytes = (std::uint64_t{chunks - 1} << 20) + 4096;
      manifest.smallestDiskBytes = manifest.imageBytes;
      std::vector<blake3::Hash> values;
      for (std::uint32_t i = 0; i < chunks; ++i) {
        const auto encoding = static_cast<Encoding>((i + 1) % 3);
        const std::uint32_t whole = manifest.chunkBytes(i);
        const std::uint32_t stored = encoding == Encoding::hole  ? 0
                                     : encoding == Encoding::raw ? whole
                                                                 : whole / 3;
        values.push_back({static_cast<std::uint8_t>(i)});
        manifest.chunks.push_back({values.back(), stored, encoding});
        manifest.contentBytes += stored;
      }
      manifest.root = chunks == 1 ? values[0] : blake3::rootOf(values);
      Bytes bytes = manifest.serialise();
      bytes.insert(bytes.begin(), mends);
      bytes.resize(bytes.size() + Manifest::signatureBytes);
      seeds.add(bytes);
    }
  }
}

// The machines read their bytes as decisions (fuzz_input.h), so any bytes mean something; long ones, with
// many small numbers among them, do the most.
void decisions(Seeds seeds, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const std::size_t length : {16u, 64u, 256u, 256u, 1024u, 1024u, 2048u, 2048u}) {
    Bytes bytes(length);
    for (std::uint8_t& byte : bytes) {
      const auto value = static_cast<std::uint8_t>(random());
      byte = random() % 2 == 0 ? static_cast<std::uint8_t>(value % 16) : value;
    }
    seeds.add(bytes);
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "fuzz_seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder(argv[1]);
  datagrams(Seeds(folder / "datagram"));
  manifests(Seeds(folder / "manifest"));
  decisions(Seeds(folder / "receiver"), 1);
  decisions(Seeds(folder / "sender"), 2);
  return 0;
}
