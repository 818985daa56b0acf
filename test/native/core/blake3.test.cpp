// BLAKE3 in every instruction set this processor has: the published vectors, agreement with the scalar code
// over many lengths, random splits, subtrees against whole hashes, zeros, and keyed tags against keyed
// hashes. Input buffers have their exact size, so that the address sanitizer sees a byte read too many. The
// one argument is the seed.
#include "core/blake3.h"
#include "check.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>

using namespace volley;
using Bytes = std::vector<std::uint8_t>;

namespace {

constexpr std::size_t KiB = 1024, MiB = 1024 * KiB;
const char* const setNames[] = {"scalar", "sse41", "avx2", "avx512"};

// A check that says, when it fails, for which set and which length.
void expect(bool holds, const char* what, std::size_t length, std::size_t more = 0) {
  ++volley_test::checks;
  if (holds) return;
  ++volley_test::failures;
  std::fprintf(stderr, "%s: does not hold: %s (length %zu, %zu)\n",
               setNames[static_cast<int>(blake3::active())], what, length, more);
}

template <std::size_t size> std::string hexOf(const std::array<std::uint8_t, size>& bytes) {
  std::string text;
  for (const auto byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

Bytes randomBytes(std::mt19937_64& random, std::size_t length) {
  Bytes bytes(length);
  for (auto& byte : bytes)
    byte = static_cast<std::uint8_t>(random());
  return bytes;
}

// The published input: byte i is i modulo 251.
Bytes published(std::size_t length) {
  Bytes bytes(length);
  for (std::size_t i = 0; i < length; ++i)
    bytes[i] = static_cast<std::uint8_t>(i % 251);
  return bytes;
}

blake3::Key publishedKey() {
  blake3::Key key;
  std::copy_n("whats the Elvish word for friend", key.size(), key.begin());
  return key;
}

struct Vector {
  std::size_t length;
  const char *hash, *keyedHash, *derivedKey;
};
// From the published test vectors; 32 bytes of each.
const Vector vectors[] = {
    {0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
     "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26",
     "2cc39783c223154fea8dfb7c1b1660f2ac2dcbd1c1de8277b0b0dd39b7e50d7d"},
    {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
     "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b",
     "b3e2e340a117a499c6cf2398a19ee0d29cca2bb7404c73063382693bf66cb06c"},
    {63, "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b",
     "bb1eb5d4afa793c1ebdd9fb08def6c36d10096986ae0cfe148cd101170ce37ae",
     "b6451e30b953c206e34644c6803724e9d2725e0893039cfc49584f991f451af3"},
    {64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98",
     "ba8ced36f327700d213f120b1a207a3b8c04330528586f414d09f2f7d9ccb7e6",
     "a5c4a7053fa86b64746d4bb688d06ad1f02a18fce9afd3e818fefaa7126bf73e"},
    {65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee",
     "c0a4edefa2d2accb9277c371ac12fcdbb52988a86edc54f0716e1591b4326e72",
     "51fd05c3c1cfbc8ed67d139ad76f5cf8236cd2acd26627a30c104dfd9d3ff8a8"},
    {1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
     "c951ecdf03288d0fcc96ee3413563d8a6d3589547f2c2fb36d9786470f1b9d6e",
     "74a16c1c3d44368a86e1ca6df64be6a2f64cce8f09220787450722d85725dea5"},
    {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
     "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4",
     "7356cd7720d5b66b6d0697eb3177d9f8d73a4a5c5e968896eb6a689684302706"},
    {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
     "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69",
     "effaa245f065fbf82ac186839a249707c3bddf6d3fdda22d1b95a3c970379bcb"},
    {2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a",
     "879cf1fa2ea0e79126cb1063617a05b6ad9d0b696d0d757cf053439f60a99dd1",
     "7b2945cb4fef70885cc5d78a87bf6f6207dd901ff239201351ffac04e1088a23"},
    {2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030",
     "9f29700902f7c86e514ddc4df1e3049f258b2472b6dd5267f61bf13983b78dd5",
     "2ea477c5515cc3dd606512ee72bb3e0e758cfae7232826f35fb98ca1bcbdf273"},
    {3073, "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3",
     "68dede9bef00ba89e43f31a6825f4cf433389fedae75c04ee9f0cf16a427c95a",
     "72613c9ec9ff7e40f8f5c173784c532ad852e827dba2bf85b2ab4b76f7079081"},
    {8193, "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b",
     "954a2a75420c8d6547e3ba5b98d963e6fa6491addc8c023189cc519821b4a1f5",
     "af1e0346e389b17c23200270a64aa4e1ead98c61695d917de7d5b00491c9b0f1"},
    {31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47",
     "efa53b389ab67c593dba624d898d0f7353ab99e4ac9d42302ee64cbf9939a419",
     "39772aef80e0ebe60596361e45b061e8f417429d529171b6764468c22928e28e"},
    {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085",
     "1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7",
     "4652cff7a3f385a6103b5c260fc1593e13c778dbe608efb092fe7ee69df6e9c6"},
};

void publishedVectors() {
  for (const Vector& vector : vectors) {
    const Bytes bytes = published(vector.length);
    expect(hexOf(blake3::hash(bytes)) == vector.hash, "published hash", vector.length);
    expect(hexOf(blake3::keyedHash(publishedKey(), bytes)) == vector.keyedHash, "published keyed hash",
           vector.length);
    expect(hexOf(blake3::deriveKey("BLAKE3 2019-12-27 16:29:52 test vectors context", bytes)) ==
               vector.derivedKey,
           "published derived key", vector.length);
  }
}

std::vector<std::size_t> manyLengths(std::mt19937_64& random) {
  std::vector<std::size_t> lengths;
  for (std::size_t length = 0; length <= 130; ++length)
    lengths.push_back(length);
  for (std::size_t power = 256; power <= MiB; power *= 2)
    for (const std::size_t length : {power - 1, power, power + 1, power + power / 2, power + KiB}) {
      lengths.push_back(length);
    }
  for (std::size_t chunks = 3; chunks <= 70; ++chunks)
    lengths.push_back(chunks * KiB + chunks % 3 - 1);
  for (int i = 0; i < 20; ++i)
    lengths.push_back(random() % (3 * MiB / 2));
  return lengths;
}

// What the scalar code makes of one random buffer's beginnings, to compare the other sets with.
struct Expected {
  Bytes bytes;
  std::vector<std::size_t> lengths;
  std::vector<blake3::Hash> hashes, keyedHashes, subtrees;
  blake3::Key key;
  // Far enough that the chunk counter needs its upper word.
  static constexpr std::uint64_t offset = std::uint64_t{3} << 42;
};

Expected scalarExpected(std::mt19937_64& random) {
  blake3::force(blake3::InstructionSet::scalar);
  Expected expected;
  expected.bytes = randomBytes(random, 2 * MiB + KiB);
  expected.lengths = manyLengths(random);
  for (auto& byte : expected.key)
    byte = static_cast<std::uint8_t>(random());
  for (const std::size_t length : expected.lengths) {
    const std::span<const std::uint8_t> bytes(expected.bytes.data(), length);
    expected.hashes.push_back(blake3::hash(bytes));
    expected.keyedHashes.push_back(blake3::keyedHash(expected.key, bytes));
    expected.subtrees.push_back(length == 0 ? blake3::Hash{} : blake3::subtree(bytes, Expected::offset));
  }
  return expected;
}

void agreement(const Expected& expected) {
  for (std::size_t i = 0; i < expected.lengths.size(); ++i) {
    const std::size_t length = expected.lengths[i];
    const Bytes bytes(expected.bytes.begin(), expected.bytes.begin() + static_cast<std::ptrdiff_t>(length));
    expect(blake3::hash(bytes) == expected.hashes[i], "hash as the scalar code", length);
    expect(blake3::keyedHash(expected.key, bytes) == expected.keyedHashes[i], "keyed hash as the scalar code",
           length);
    if (length == 0) continue;
    const blake3::Hash far = blake3::subtree(bytes, Expected::offset);
    expect(far == expected.subtrees[i], "far subtree as the scalar code", length);
    expect(far != blake3::subtree(bytes, 0), "far subtree is not the near one", length);
  }
}

void randomSplits(std::mt19937_64& random, const Expected& expected) {
  for (int round = 0; round < 60; ++round) {
    const std::size_t which = random() % expected.lengths.size();
    const std::size_t length = expected.lengths[which];
    const std::size_t longest = std::size_t{1} << (random() % 22);
    blake3::Hasher plain, keyed(expected.key);
    for (std::size_t done = 0; done < length;) {
      const std::size_t taken = std::min<std::size_t>(length - done, random() % (longest + 1));
      plain.update({expected.bytes.data() + done, taken});
      keyed.update({expected.bytes.data() + done, taken});
      done += taken;
      // Pieces of none or few bytes would take for ever over a long input.
      if (longest < 512 && done > 100 * KiB) {
        plain.update({expected.bytes.data() + done, length - done});
        keyed.update({expected.bytes.data() + done, length - done});
        done = length;
      }
    }
    expect(plain.finish() == expected.hashes[which], "hash of splits up to", length, longest);
    expect(keyed.finish() == expected.keyedHashes[which], "keyed hash of splits up to", length, longest);
  }
}

void subtrees(std::mt19937_64& random, const Expected& expected) {
  for (const std::size_t span : {KiB, 2 * KiB, 16 * KiB, 32 * KiB, 64 * KiB, 512 * KiB, MiB}) {
    for (int round = 0; round < 8; ++round) {
      const std::size_t most = std::min(2 * MiB, 40 * span);
      const std::size_t length = round == 0   ? 2 * span
                                 : round == 1 ? span + 1
                                              : span + 1 + random() % (most - span);
      const std::span<const std::uint8_t> bytes(expected.bytes.data(), length);
      std::vector<blake3::Hash> values;
      for (std::size_t offset = 0; offset < length; offset += span)
        values.push_back(blake3::subtree(bytes.subspan(offset, std::min(span, length - offset)), offset));
      expect(blake3::rootOf(values) == blake3::hash(bytes), "root of subtrees", length, span);
    }
  }
}

void zeros(std::mt19937_64& random) {
  const Bytes zero(MiB, 0);
  for (const std::size_t length : {std::size_t{1}, KiB - 1, KiB, KiB + 1, 5 * KiB, 16 * KiB, 33 * KiB,
                                   255 * KiB, 256 * KiB, 257 * KiB + 5, MiB - 1, MiB, 1 + random() % MiB}) {
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{MiB}, std::uint64_t{MiB} << 40}) {
      expect(blake3::subtreeOfZeros(length, offset) == blake3::subtree({zero.data(), length}, offset),
             "subtree of zeros", length, offset);
    }
  }
}

void tags(std::mt19937_64& random, const blake3::Key& key, std::size_t count, std::size_t length) {
  std::vector<Bytes> messages(count);
  std::vector<const std::uint8_t*> addresses;
  for (Bytes& message : messages) {
    message = randomBytes(random, length);
    addresses.push_back(message.data());
  }
  // One tag more than is written, to see that it stays.
  const blake3::Tag untouched{0xA5, 0x5A};
  std::vector<blake3::Tag> tags(count + 1, untouched);
  blake3::keyedTags(key, addresses, length, tags.data());
  bool all = true;
  for (std::size_t i = 0; i < count; ++i) {
    const blake3::Hash hash = blake3::keyedHash(key, messages[i]);
    all = all && std::equal(tags[i].begin(), tags[i].end(), hash.begin());
  }
  expect(all, "keyed tags are the keyed hashes", length, count);
  expect(tags[count] == untouched, "keyed tags end where they should", length, count);
}

void manyTags(std::mt19937_64& random, const blake3::Key& key) {
  for (std::size_t count = 0; count <= 70; ++count)
    tags(random, key, count, 1 + random() % 1500);
  for (const std::size_t length : {1,    63,   64,   65,   128,  1023, 1024, 1025,  1432,  1472,  2048, 2049,
                                   3072, 4096, 4097, 5120, 7168, 8192, 8972, 16384, 33000, 65535, 65536}) {
    for (const std::size_t count : {std::size_t{1}, std::size_t{3}, std::size_t{44}, 1 + random() % 100}) {
      if (count * length <= 3 * MiB) tags(random, key, count, length);
    }
  }
}

void dispatch() {
  CHECK(blake3::supported(blake3::InstructionSet::scalar));
  CHECK(blake3::supported(blake3::best()));
  for (const auto set :
       {blake3::InstructionSet::sse41, blake3::InstructionSet::avx2, blake3::InstructionSet::avx512}) {
    if (blake3::supported(set)) continue;
    bool refused = false;
    try {
      blake3::force(set);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    CHECK(refused);
  }
}
} // namespace

int main(int count, char** arguments) {
  const std::uint64_t seed = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : std::random_device{}();
  std::printf("seed %llu, best set %s\n", static_cast<unsigned long long>(seed),
              setNames[static_cast<int>(blake3::best())]);
  CHECK(blake3::active() == blake3::best());
  dispatch();
  std::mt19937_64 random(seed);
  const Expected expected = scalarExpected(random);
  for (int set = 0; set <= static_cast<int>(blake3::best()); ++set) {
    blake3::force(static_cast<blake3::InstructionSet>(set));
    CHECK(blake3::active() == static_cast<blake3::InstructionSet>(set));
    publishedVectors();
    agreement(expected);
    randomSplits(random, expected);
    subtrees(random, expected);
    zeros(random);
    manyTags(random, expected.key);
  }
  return volley_test::finish();
}
