// The reader of manifests and the arithmetic over what it takes. The first byte says how the rest is mended
// first: no fuzzer guesses a root, and behind that check is as much to be tried as before it.
#include "core/manifest.h"
#include "core/limits.h"
#include "fuzz_input.h"
#include <vector>

using namespace volley;
using volley_fuzz::hold;

namespace {

constexpr std::uint8_t mendRoot = 1;
constexpr std::uint8_t mendLength = 2;

void setRoot(std::vector<std::uint8_t>& file) {
  std::vector<blake3::Hash> values;
  for (std::size_t at = Manifest::headerBytes;
       at + Manifest::chunkEntryBytes + Manifest::signatureBytes <= file.size();
       at += Manifest::chunkEntryBytes) {
    blake3::Hash value;
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(at), value.size(), value.begin());
    values.push_back(value);
  }
  if (values.empty()) return;
  const blake3::Hash root = values.size() == 1 ? values[0] : blake3::rootOf(values);
  std::copy(root.begin(), root.end(), file.begin() + 8);
}

void setLength(std::vector<std::uint8_t>& file) {
  if (file.size() < Manifest::headerBytes + Manifest::signatureBytes) return;
  const std::size_t table = file.size() - Manifest::headerBytes - Manifest::signatureBytes;
  const std::size_t count = table / Manifest::chunkEntryBytes;
  file.resize(Manifest::headerBytes + count * Manifest::chunkEntryBytes + Manifest::signatureBytes);
  for (std::size_t i = 0; i < 4; ++i)
    file[68 + i] = static_cast<std::uint8_t>(count >> (8 * i));
}

// Every byte of the content is in exactly one block, and each chunk finds its own.
void layOut(const Manifest& manifest, std::uint32_t symbolBytes) {
  std::vector<std::uint32_t> stored;
  for (const ManifestChunk& chunk : manifest.chunks)
    stored.push_back(chunk.storedBytes);
  const ChunkLayout layout(stored, symbolBytes);
  const BlockLayout& blocks = layout.blocks();
  std::uint64_t offset = 0;
  for (std::uint32_t block = 0; block < blocks.blocks(); ++block) {
    hold(blocks.offset(block) == offset, "a block begins where the one before it ends");
    hold(blocks.symbols(block) >= 1 && blocks.symbols(block) <= limits::symbolsPerBlock,
         "a block has 1 to 200 symbols");
    hold(blocks.blockOf(offset) == block, "a block is found by its first byte");
    offset += blocks.bytes(block);
    hold(blocks.blockOf(offset - 1) == block, "a block is found by its last byte");
    hold(layout.firstChunk(block) < layout.endChunk(block), "a block has bytes of a chunk");
  }
  hold(offset == manifest.contentBytes, "the blocks hold the content");
  for (std::uint32_t chunk = 0; chunk < layout.chunks(); ++chunk) {
    if (layout.hole(chunk)) continue;
    const std::uint32_t first = layout.firstBlock(chunk), last = layout.lastBlock(chunk);
    hold(first <= last && last < blocks.blocks(), "a chunk lies in blocks that are there");
    hold(layout.firstChunk(first) <= chunk && chunk < layout.endChunk(first),
         "its first block names the chunk");
    hold(layout.firstChunk(last) <= chunk && chunk < layout.endChunk(last), "its last block names the chunk");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  std::vector<std::uint8_t> file(bytes + 1, bytes + size);
  if ((bytes[0] & mendLength) != 0) setLength(file);
  if ((bytes[0] & mendRoot) != 0) setRoot(file);
  Manifest manifest;
  try {
    manifest = Manifest::parse(file);
  } catch (const ManifestError&) {
    return 0;
  }
  std::vector<std::uint8_t> again = manifest.serialise();
  again.insert(again.end(), file.end() - static_cast<std::ptrdiff_t>(Manifest::signatureBytes), file.end());
  hold(again == file, "a manifest that was read is written as it was");
  for (const std::uint32_t symbolBytes : {256u, 1408u, 8896u})
    layOut(manifest, symbolBytes);
  return 0;
}
