// BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs): whole hashes, chaining values of aligned subtrees,
// and the keyed hash over many datagrams at once. The instruction set is chosen at run time; every one gives
// the same bytes. All functions are pure, keep no global state but the dispatch table, and may run on any
// thread.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace volley::blake3 {

using Hash = std::array<std::uint8_t, 32>;
using Key = std::array<std::uint8_t, 32>;

enum class InstructionSet { scalar, sse41, avx2, avx512 };

// The best set this processor and operating system offer (XCR0 checked), and a way to force a lesser one in
// tests and benchmarks. `force` of a set that is not supported throws std::invalid_argument.
InstructionSet best();
InstructionSet active();
void force(InstructionSet set);
bool supported(InstructionSet set);

// Incremental plain or keyed hash. `update` takes any split of the input. `finish` may be called once.
class Hasher {
public:
  Hasher();
  explicit Hasher(const Key& key);
  void update(std::span<const std::uint8_t> bytes);
  Hash finish();

private:
  using Words = std::array<std::uint32_t, 8>;
  // Input is hashed in pieces of at least so many bytes, for the instruction sets with many lanes.
  static constexpr std::size_t pieceBytes = 16 * 1024;
  // The chunks of 2^64 bytes make a tree of 54 levels.
  static constexpr std::size_t maxDepth = 54;

  Hasher(const Words& key, std::uint32_t flags);
  void push(const std::uint8_t* bytes, std::size_t length);

  Words key_;
  std::uint32_t flags_;
  // Chunks hashed so far: a multiple of the chunks in a piece.
  std::uint64_t chunkCounter_ = 0;
  // Chaining values of finished subtrees, from the largest to the smallest: `depth_` of them.
  std::array<std::uint8_t, maxDepth * sizeof(Hash)> stack_;
  std::size_t depth_ = 0;
  // The last bytes, 1 to pieceBytes once there is input: they may be all there is, so they wait for finish.
  std::array<std::uint8_t, pieceBytes> pending_;
  std::size_t pendingBytes_ = 0;
};

Hash hash(std::span<const std::uint8_t> bytes);
Hash keyedHash(const Key& key, std::span<const std::uint8_t> bytes);

// derive_key mode of the specification: `context` is a hard-coded, globally unique string.
Key deriveKey(std::string_view context, std::span<const std::uint8_t> keyMaterial);

// The chaining value of the subtree that covers `bytes`, which starts at `offset` of the whole input.
// `offset` is a multiple of the subtree's span (a power of two of at least 1024 bytes); `bytes` is that span,
// or shorter at the end of the input; never empty. Not a root: an input that is one subtree has to be hashed
// with `hash`.
Hash subtree(std::span<const std::uint8_t> bytes, std::uint64_t offset);

// The same for `length` zero bytes, without reading any.
Hash subtreeOfZeros(std::size_t length, std::uint64_t offset);

// The root over the chaining values of consecutive equal subtrees (the last may be shorter). `values` has at
// least two elements.
Hash rootOf(std::span<const Hash> values);

// Keyed hashes of `messages.size()` messages of the same `length` (bytes, 1 to 65,536), in SIMD lanes across
// the messages. Writes the first 16 bytes of hash i to tags[i].
using Tag = std::array<std::uint8_t, 16>;
void keyedTags(const Key& key, std::span<const std::uint8_t* const> messages, std::size_t length, Tag* tags);

} // namespace volley::blake3
