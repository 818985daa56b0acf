// Images for the storage tests: chunks of every kind in a random order, and what an import of them has to
// give.
#pragma once
#include "check.h"
#include "core/limits.h"
#include "engine/error.h"
#include "engine/import.h"
#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace volley_test {

using Bytes = std::vector<std::uint8_t>;

inline std::mt19937_64 seededRandom(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::stoull(argv[1]) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return std::mt19937_64(seed);
}

// Chunks of random bytes, of text-like bytes that compress, of zeros, and of zeros but for one byte.
inline Bytes randomImage(std::size_t size, std::mt19937_64& random) {
  Bytes image(size);
  for (std::size_t start = 0; start < size; start += volley::limits::chunkBytes) {
    const std::size_t end = std::min<std::size_t>(size, start + volley::limits::chunkBytes);
    switch (random() % 4) {
    case 0:
      for (std::size_t i = start; i < end; ++i)
        image[i] = static_cast<std::uint8_t>(random());
      break;
    case 1:
      for (std::size_t i = start; i < end; ++i)
        image[i] = static_cast<std::uint8_t>('a' + random() % 4);
      break;
    case 2:
      image[start + random() % (end - start)] = 1;
      break;
    default:
      break;
    }
  }
  return image;
}

inline volley::Manifest manifestOf(const volley::ImportResult& result, std::uint64_t imageBytes) {
  volley::Manifest manifest;
  manifest.root = result.root;
  manifest.imageBytes = imageBytes;
  manifest.smallestDiskBytes = imageBytes;
  manifest.contentBytes = result.contentBytes;
  manifest.chunks = result.chunks;
  return manifest;
}

// The error that `work` ends with; a check fails and an empty one comes back when it ends well.
inline volley::EngineError errorOf(const std::function<void()>& work) {
  try {
    work();
  } catch (const volley::EngineError& error) {
    return error;
  }
  CHECK(!"expected an error");
  return volley::EngineError("", "");
}

} // namespace volley_test
