// What every thread of a receiving session knows of its image: never changed once made, so shared without a lock.
#pragma once
#include "core/layout.h"
#include "core/limits.h"
#include "core/manifest.h"
#include "engine/chunk_codec.h"
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace volley {

class ImageFacts {
public:
  ImageFacts(Manifest manifest, std::uint32_t symbolBytes)
      : manifest_(std::move(manifest)), layout_(storedBytes(manifest_), symbolBytes) {}

  const Manifest& manifest() const { return manifest_; }
  const ChunkLayout& layout() const { return layout_; }
  std::uint32_t chunks() const { return static_cast<std::uint32_t>(manifest_.chunks.size()); }
  bool hole(std::uint32_t chunk) const { return manifest_.chunks[chunk].encoding == Encoding::hole; }
  std::uint64_t offset(std::uint32_t chunk) const { return std::uint64_t{chunk} * limits::chunkBytes; }
  std::uint32_t bytes(std::uint32_t chunk) const { return manifest_.chunkBytes(chunk); }

  // Whether these are the raw bytes of the chunk.
  bool matches(std::uint32_t chunk, std::span<const std::uint8_t> raw) const {
    return chunkHash(raw, offset(chunk), manifest_.imageBytes) == manifest_.chunks[chunk].chainingValue;
  }

private:
  static std::vector<std::uint32_t> storedBytes(const Manifest& manifest) {
    std::vector<std::uint32_t> sizes;
    sizes.reserve(manifest.chunks.size());
    for (const ManifestChunk& chunk : manifest.chunks) sizes.push_back(chunk.storedBytes);
    return sizes;
  }

  Manifest manifest_;
  ChunkLayout layout_;
};

} // namespace volley
