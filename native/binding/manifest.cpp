#include "core/manifest.h"
#include "binding/errors.h"
#include "binding/exports.h"
#include "binding/values.h"
#include "core/limits.h"
#include "engine/chunk_codec.h"
#include "engine/chunk_table.h"

namespace volley::binding {
namespace {

std::vector<std::uint8_t> build(const Options& facts, std::span<const std::uint8_t> chunkTable) {
  Manifest manifest;
  manifest.imageBytes = facts.integer<std::uint64_t>("imageBytes", 512, limits::imageBytesMax);
  manifest.smallestDiskBytes = facts.integer<std::uint64_t>("smallestDiskBytes", 512, limits::imageBytesMax);
  manifest.sectorBytes = facts.integer<std::uint32_t>("sectorBytes", 512, 4096);
  manifest.firmware = facts.integer<std::uint32_t>("firmware", 0, 3);
  manifest.chunks = readChunkTable(chunkTable);
  std::vector<blake3::Hash> values;
  values.reserve(manifest.chunks.size());
  for (const ManifestChunk& chunk : manifest.chunks) {
    values.push_back(chunk.chainingValue);
    manifest.contentBytes += chunk.storedBytes;
  }
  manifest.root = rootOfChunks(values);
  // What does not agree is said by the one who knows all the rules: the reader, who wants a signature's room
  // too.
  std::vector<std::uint8_t> bytes = manifest.serialise();
  const std::size_t length = bytes.size();
  bytes.resize(length + Manifest::signatureBytes);
  Manifest::parse(bytes);
  bytes.resize(length);
  return bytes;
}

} // namespace

Napi::Value buildManifest(const Napi::CallbackInfo& info) {
  const Options facts(info[0]);
  const auto chunkTable = bytesOf(info[1], "chunkTable");
  return guarded(info.Env(), [&]() -> Napi::Value { return buffer(info.Env(), build(facts, chunkTable)); });
}

Napi::Value readManifest(const Napi::CallbackInfo& info) {
  const auto bytes = bytesOf(info[0], "manifest");
  const Manifest manifest = guarded(info.Env(), [&] { return Manifest::parse(bytes); });
  std::size_t holes = 0;
  for (const ManifestChunk& chunk : manifest.chunks)
    holes += chunk.encoding == Encoding::hole ? 1 : 0;
  return Fields(info.Env())
      .text("root", hex(manifest.root))
      .number("imageBytes", manifest.imageBytes)
      .number("contentBytes", manifest.contentBytes)
      .number("smallestDiskBytes", manifest.smallestDiskBytes)
      .number("sectorBytes", manifest.sectorBytes)
      .number("firmware", manifest.firmware)
      .number("chunks", manifest.chunks.size())
      .number("holes", holes)
      .done();
}

} // namespace volley::binding
