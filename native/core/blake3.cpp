// The BLAKE3 tree over the kernels of the instruction set in use.
#include "core/blake3.h"

#include "core/blake3_kernels.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <memory>

namespace volley::blake3 {
namespace {

using Words = std::array<std::uint32_t, 8>;

constexpr Words initialKey() {
  Words words{};
  std::copy(std::begin(initialWords), std::end(initialWords), words.begin());
  return words;
}
constexpr Words plainKey = initialKey();

// Chaining values that one step of the recursion hands to the next: as many as the widest set has lanes, so
// that parents fill them.
constexpr std::size_t wideValues = 16;
// Chunks hashed before their parents are: their values stay well inside the first cache.
constexpr std::size_t groupChunks = 256;

constexpr std::uint8_t zeroBytes[chunkBytes] = {};

Words wordsOf(const std::uint8_t* bytes) {
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i, bytes += 4)
    words[i] = static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
               static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
  return words;
}

void storeWords(std::uint8_t* bytes, const Words& words) {
  for (const std::uint32_t word : words)
    for (int shift = 0; shift < 32; shift += 8)
      *bytes++ = static_cast<std::uint8_t>(word >> shift);
}

// What stays the same all over one tree.
struct Tree {
  const Kernels& kernels;
  const Words& key;
  std::uint32_t flags;
};

// The last chunk of an input: 0 to 1024 bytes, in blocks of which the last may be short.
void lastChunk(const Tree& tree, const std::uint8_t* bytes, std::size_t length, std::uint64_t counter,
               std::uint32_t lastFlags, std::uint8_t* value) {
  Words words = tree.key;
  std::uint32_t flags = tree.flags | flagChunkStart;
  for (; length > blockBytes; length -= blockBytes, bytes += blockBytes, flags = tree.flags)
    tree.kernels.compress(words.data(), bytes, blockBytes, counter, flags);
  std::uint8_t block[blockBytes] = {};
  if (length > 0) std::memcpy(block, bytes, length);
  tree.kernels.compress(words.data(), block, static_cast<std::uint32_t>(length), counter,
                        flags | flagChunkEnd | lastFlags);
  storeWords(value, words);
}

void parent(const Tree& tree, const std::uint8_t* children, std::uint32_t lastFlags, std::uint8_t* value) {
  Words words = tree.key;
  tree.kernels.compress(words.data(), children, blockBytes, 0, tree.flags | flagParent | lastFlags);
  storeWords(value, words);
}

// Joins `count` neighbours pair by pair, in place; an odd one at the end goes up as it is. Returns how many
// are left. Done again and again this makes BLAKE3's tree of any number of chunks; and also of values that
// are already joined, if there are a power of two from equal subtrees, and then at most as many from what
// follows.
std::size_t joinPairs(const Tree& tree, std::uint8_t* values, std::size_t count) {
  const std::size_t pairs = count / 2;
  tree.kernels.parents(values, pairs, tree.key.data(), tree.flags, values);
  if (count % 2 == 0) return pairs;
  std::memmove(values + pairs * valueBytes, values + (count - 1) * valueBytes, valueBytes);
  return pairs + 1;
}

// The chunks of up to groupChunks chunks, joined until at most wideValues are left.
std::size_t groupValues(const Tree& tree, const std::uint8_t* bytes, std::size_t length,
                        std::uint64_t counter, std::uint8_t* result) {
  std::uint8_t values[groupChunks * valueBytes];
  const std::size_t whole = length / chunkBytes;
  if (bytes != nullptr)
    tree.kernels.chunks(bytes, whole, tree.key.data(), counter, tree.flags, values);
  else
    tree.kernels.zeroChunks(whole, tree.key.data(), counter, tree.flags, values);
  std::size_t count = whole;
  if (length % chunkBytes != 0) {
    const std::uint8_t* rest = bytes == nullptr ? zeroBytes : bytes + whole * chunkBytes;
    lastChunk(tree, rest, length % chunkBytes, counter + whole, 0, values + whole * valueBytes);
    ++count;
  }
  while (count > wideValues)
    count = joinPairs(tree, values, count);
  std::memcpy(result, values, count * valueBytes);
  return count;
}

// Chaining values, at most wideValues and to be joined further, of `length` > 0 bytes, whose first chunk has
// the number `counter`. `bytes` of nullptr stands for zeros. More than groupChunks chunks are cut as the tree
// is: a power of two of chunks on the left, which yields wideValues exactly, and the rest on the right.
std::size_t wideSubtree(const Tree& tree, const std::uint8_t* bytes, std::size_t length,
                        std::uint64_t counter, std::uint8_t* result) {
  if (length <= groupChunks * chunkBytes) return groupValues(tree, bytes, length, counter, result);
  const std::size_t left = std::bit_floor(length - 1);
  std::uint8_t values[2 * wideValues * valueBytes];
  std::size_t count = wideSubtree(tree, bytes, left, counter, values);
  assert(count == wideValues);
  count += wideSubtree(tree, bytes == nullptr ? nullptr : bytes + left, length - left,
                       counter + left / chunkBytes, values + count * valueBytes);
  count = joinPairs(tree, values, count);
  std::memcpy(result, values, count * valueBytes);
  return count;
}

// The chaining value of a whole subtree, or with flagRoot in `lastFlags` the hash of a whole input.
Hash reduce(const Tree& tree, const std::uint8_t* bytes, std::size_t length, std::uint64_t counter,
            std::uint32_t lastFlags) {
  Hash hash;
  if (length <= chunkBytes) {
    lastChunk(tree, bytes == nullptr ? zeroBytes : bytes, length, counter, lastFlags, hash.data());
    return hash;
  }
  std::uint8_t values[wideValues * valueBytes];
  std::size_t count = wideSubtree(tree, bytes, length, counter, values);
  while (count > 2)
    count = joinPairs(tree, values, count);
  parent(tree, values, lastFlags, hash.data());
  return hash;
}

Hash subtreeAt(const std::uint8_t* bytes, std::size_t length, std::uint64_t offset) {
  assert(length > 0);
  assert(offset % std::bit_ceil(std::max<std::uint64_t>(length, chunkBytes)) == 0);
  return reduce({kernels(), plainKey, 0}, bytes, length, offset / chunkBytes, 0);
}
} // namespace

Hasher::Hasher() : Hasher(plainKey, 0) {}
Hasher::Hasher(const Key& key) : Hasher(wordsOf(key.data()), flagKeyedHash) {}
Hasher::Hasher(const Words& key, std::uint32_t flags) : key_(key), flags_(flags) {}

void Hasher::update(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return;
  if (pendingBytes_ > 0) {
    const std::size_t taken = std::min(bytes.size(), pieceBytes - pendingBytes_);
    std::memcpy(pending_.data() + pendingBytes_, bytes.data(), taken);
    pendingBytes_ += taken;
    bytes = bytes.subspan(taken);
    if (bytes.empty()) return;
    push(pending_.data(), pieceBytes);
    pendingBytes_ = 0;
  }
  // The largest subtrees that the place in the tree allows, as long as something is left after them.
  while (bytes.size() > pieceBytes) {
    std::uint64_t length = std::bit_floor(bytes.size() - 1);
    const std::uint64_t position = chunkCounter_ * chunkBytes;
    if (position != 0) length = std::min(length, position & (~position + 1));
    push(bytes.data(), static_cast<std::size_t>(length));
    bytes = bytes.subspan(static_cast<std::size_t>(length));
  }
  std::memcpy(pending_.data(), bytes.data(), bytes.size());
  pendingBytes_ = bytes.size();
}

// Takes in a whole subtree that more input follows, and joins the subtrees which that completes: as many as
// the new number of chunks, counted in units of this subtree, has zeros at its end.
void Hasher::push(const std::uint8_t* bytes, std::size_t length) {
  const Tree tree{kernels(), key_, flags_};
  const std::uint64_t chunks = length / chunkBytes;
  assert(depth_ < maxDepth);
  std::uint8_t* end = stack_.data() + depth_ * valueBytes;
  const Hash value = reduce(tree, bytes, length, chunkCounter_, 0);
  std::memcpy(end, value.data(), valueBytes);
  ++depth_;
  chunkCounter_ += chunks;
  for (std::uint64_t total = chunkCounter_ / chunks; total % 2 == 0; total /= 2, --depth_, end -= valueBytes)
    parent(tree, end - valueBytes, 0, end - valueBytes);
}

Hash Hasher::finish() {
  const Tree tree{kernels(), key_, flags_};
  if (depth_ == 0) return reduce(tree, pending_.data(), pendingBytes_, 0, flagRoot);
  assert(pendingBytes_ > 0);
  Hash value = reduce(tree, pending_.data(), pendingBytes_, chunkCounter_, 0);
  for (; depth_ > 0; --depth_) {
    std::uint8_t children[2 * valueBytes];
    std::memcpy(children, stack_.data() + (depth_ - 1) * valueBytes, valueBytes);
    std::memcpy(children + valueBytes, value.data(), valueBytes);
    parent(tree, children, depth_ == 1 ? flagRoot : 0, value.data());
  }
  return value;
}

Hash hash(std::span<const std::uint8_t> bytes) {
  return reduce({kernels(), plainKey, 0}, bytes.data(), bytes.size(), 0, flagRoot);
}

Hash keyedHash(const Key& key, std::span<const std::uint8_t> bytes) {
  const Words words = wordsOf(key.data());
  return reduce({kernels(), words, flagKeyedHash}, bytes.data(), bytes.size(), 0, flagRoot);
}

Key deriveKey(std::string_view context, std::span<const std::uint8_t> keyMaterial) {
  const auto* text = reinterpret_cast<const std::uint8_t*>(context.data());
  const Kernels& table = kernels();
  const Hash contextKey = reduce({table, plainKey, flagDeriveKeyContext}, text, context.size(), 0, flagRoot);
  const Words words = wordsOf(contextKey.data());
  return reduce({table, words, flagDeriveKeyMaterial}, keyMaterial.data(), keyMaterial.size(), 0, flagRoot);
}

Hash subtree(std::span<const std::uint8_t> bytes, std::uint64_t offset) {
  assert(bytes.data() != nullptr);
  return subtreeAt(bytes.data(), bytes.size(), offset);
}

Hash subtreeOfZeros(std::size_t length, std::uint64_t offset) {
  return subtreeAt(nullptr, length, offset);
}

Hash rootOf(std::span<const Hash> values) {
  assert(values.size() >= 2);
  const Tree tree{kernels(), plainKey, 0};
  const auto bytes = std::make_unique<std::uint8_t[]>(values.size_bytes());
  std::memcpy(bytes.get(), values.data(), values.size_bytes());
  std::size_t count = values.size();
  while (count > 2)
    count = joinPairs(tree, bytes.get(), count);
  Hash hash;
  parent(tree, bytes.get(), flagRoot, hash.data());
  return hash;
}

void keyedTags(const Key& key, std::span<const std::uint8_t* const> messages, std::size_t length, Tag* tags) {
  assert(length >= 1 && length <= maxTaggedBytes);
  if (messages.empty()) return;
  const Words words = wordsOf(key.data());
  const Kernels& table = kernels();
  const std::size_t chunks = (length + chunkBytes - 1) / chunkBytes;
  // Where a message has more chunks than there are messages, its own chunks fill the lanes better.
  if (messages.size() >= chunks) {
    table.keyedTags(words.data(), messages.data(), messages.size(), length, tags->data());
    return;
  }
  for (const std::uint8_t* message : messages) {
    const Hash hash = reduce({table, words, flagKeyedHash}, message, length, 0, flagRoot);
    std::copy_n(hash.begin(), tagBytes, (tags++)->begin());
  }
}

} // namespace volley::blake3
