// The blocks that are being sent, as source symbols in memory: read from the content when the first symbol of a block
// is asked for, kept while they are in use, the one unused for longest given up. The page cache is the cache behind
// it. Used by one thread.
#pragma once
#include "core/layout.h"
#include "engine/aligned_buffer.h"
#include "port/content_file.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace volley {

class BlockSource {
public:
  // Throws EngineError: E_CONTENT_READ where the file is not there or not as long as the layout says.
  BlockSource(std::string contentPath, const BlockLayout& layout);

  // The symbols of a block, one behind the other, the last padded with zeros. Valid until other blocks have been
  // asked for, limits::interleavedBlocks of them at least. Throws EngineError E_CONTENT_READ.
  const std::uint8_t* block(std::uint32_t number);

private:
  struct Kept {
    std::uint32_t block;
    std::uint64_t lastUse;
    std::uint8_t* bytes;
  };
  void fill(Kept& kept, std::uint32_t number);

  std::string path_;
  const BlockLayout& layout_;
  std::unique_ptr<ContentReader> content_;
  AlignedBuffer memory_;
  std::vector<Kept> kept_;
  std::size_t last_ = 0; // the one used last
  std::uint64_t uses_ = 0;
};

} // namespace volley
