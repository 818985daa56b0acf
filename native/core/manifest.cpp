#include "core/manifest.h"
#include "core/bytes.h"
#include "core/limits.h"
#include <algorithm>
#include <array>
#include <cstring>

namespace volley {

namespace {
constexpr std::array<std::uint8_t, 8> magic{'V', 'L', 'Y', 'M', 'A', 'N', 'I', '1'};

void require(bool holds, const std::string& sentence) {
  if (!holds) throw ManifestError(sentence);
}

std::uint64_t chunkCountOf(std::uint64_t imageBytes) {
  return (imageBytes + limits::chunkBytes - 1) / limits::chunkBytes;
}

void checkSizes(const Manifest& manifest) {
  require(manifest.sectorBytes == 512 || manifest.sectorBytes == 4096,
          "The manifest names a sector size of " + std::to_string(manifest.sectorBytes) +
              " bytes; it has to be 512 or 4096.");
  require(manifest.imageBytes > 0 && manifest.imageBytes <= limits::imageBytesMax,
          "The manifest names an image size that is zero or beyond the largest image.");
  require(manifest.imageBytes % manifest.sectorBytes == 0,
          "The manifest's image size is not a whole number of sectors.");
  require(manifest.smallestDiskBytes >= manifest.imageBytes,
          "The manifest's smallest disk is smaller than its image.");
  require(manifest.firmware <= 3, "The manifest names a firmware this version does not know.");
  require(manifest.chunks.size() == chunkCountOf(manifest.imageBytes),
          "The manifest's number of chunks does not agree with its image size.");
}

void checkChunks(const Manifest& manifest) {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < manifest.chunks.size(); ++i) {
    const ManifestChunk& chunk = manifest.chunks[i];
    const std::uint32_t whole = manifest.chunkBytes(i);
    const bool agrees = chunk.encoding == Encoding::hole  ? chunk.storedBytes == 0
                        : chunk.encoding == Encoding::raw ? chunk.storedBytes == whole
                        : chunk.encoding == Encoding::zstd
                            ? chunk.storedBytes > 0 && chunk.storedBytes < whole
                            : false;
    require(agrees, "The manifest's chunk " + std::to_string(i) + " has an encoding and a stored size of " +
                        std::to_string(chunk.storedBytes) + " bytes that do not agree.");
    sum += chunk.storedBytes;
  }
  require(sum == manifest.contentBytes, "The manifest's content size is not the sum of its chunks.");
}

void checkRoot(const Manifest& manifest) {
  blake3::Hash root;
  if (manifest.chunks.size() == 1) {
    root = manifest.chunks[0].chainingValue;
  } else {
    std::vector<blake3::Hash> values(manifest.chunks.size());
    std::transform(manifest.chunks.begin(), manifest.chunks.end(), values.begin(),
                   [](const ManifestChunk& chunk) { return chunk.chainingValue; });
    root = blake3::rootOf(values);
  }
  require(root == manifest.root, "The manifest's root is not the root of its chunks.");
}

void check(const Manifest& manifest) {
  checkSizes(manifest);
  checkChunks(manifest);
  checkRoot(manifest);
}
} // namespace

std::uint32_t Manifest::chunkBytes(std::uint32_t chunk) const {
  const std::uint64_t begin = std::uint64_t{chunk} * limits::chunkBytes;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(limits::chunkBytes, imageBytes - begin));
}

std::vector<std::uint8_t> Manifest::serialise() const {
  check(*this);
  std::vector<std::uint8_t> out(headerBytes + chunks.size() * chunkEntryBytes);
  std::copy(magic.begin(), magic.end(), out.begin());
  std::copy(root.begin(), root.end(), out.begin() + 8);
  putLittleEndian(out.data() + 40, imageBytes);
  putLittleEndian(out.data() + 48, contentBytes);
  putLittleEndian(out.data() + 56, smallestDiskBytes);
  putLittleEndian(out.data() + 64, limits::chunkBytes);
  putLittleEndian(out.data() + 68, static_cast<std::uint32_t>(chunks.size()));
  putLittleEndian(out.data() + 72, sectorBytes);
  putLittleEndian(out.data() + 76, firmware);
  std::uint8_t* at = out.data() + headerBytes;
  for (const ManifestChunk& chunk : chunks) {
    std::copy(chunk.chainingValue.begin(), chunk.chainingValue.end(), at);
    putLittleEndian(at + 32, chunk.storedBytes);
    putLittleEndian(at + 36, static_cast<std::uint32_t>(chunk.encoding));
    at += chunkEntryBytes;
  }
  return out;
}

Manifest Manifest::parse(std::span<const std::uint8_t> file) {
  require(file.size() >= headerBytes + signatureBytes, "The manifest is cut short in its header.");
  const std::uint8_t* in = file.data();
  require(std::equal(magic.begin(), magic.end(), in), "This is not a Volley manifest of version 1.");
  Manifest manifest;
  std::copy_n(in + 8, manifest.root.size(), manifest.root.begin());
  manifest.imageBytes = getLittleEndian<std::uint64_t>(in + 40);
  manifest.contentBytes = getLittleEndian<std::uint64_t>(in + 48);
  manifest.smallestDiskBytes = getLittleEndian<std::uint64_t>(in + 56);
  require(getLittleEndian<std::uint32_t>(in + 64) == limits::chunkBytes,
          "The manifest has chunks of another size than 1 MiB.");
  const auto count = getLittleEndian<std::uint32_t>(in + 68);
  manifest.sectorBytes = getLittleEndian<std::uint32_t>(in + 72);
  manifest.firmware = getLittleEndian<std::uint32_t>(in + 76);
  require(std::all_of(in + 80, in + headerBytes, [](std::uint8_t byte) { return byte == 0; }),
          "The manifest uses a reserved field.");
  // The length is compared before anything is allocated by a count that a stranger may have written.
  require(file.size() == headerBytes + std::uint64_t{count} * chunkEntryBytes + signatureBytes,
          "The manifest's length does not agree with its number of chunks.");
  manifest.chunks.resize(count);
  const std::uint8_t* at = in + headerBytes;
  for (ManifestChunk& chunk : manifest.chunks) {
    std::copy_n(at, chunk.chainingValue.size(), chunk.chainingValue.begin());
    chunk.storedBytes = getLittleEndian<std::uint32_t>(at + 32);
    chunk.encoding = static_cast<Encoding>(getLittleEndian<std::uint32_t>(at + 36));
    at += chunkEntryBytes;
  }
  check(manifest);
  return manifest;
}

} // namespace volley
