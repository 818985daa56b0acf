// ChaCha20 against the vectors of RFC 8439, and every instruction set against the others: any position, length and
// alignment, in place and not, in one piece and in many. The one argument is the seed.
#include "check.h"
#include "core/blake3.h"
#include "core/chacha20.h"
#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace volley;
using Bytes = std::vector<std::uint8_t>;

namespace {

std::string hexOf(const Bytes& bytes) {
  std::string text;
  for (const auto byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

chacha20::Key keyOf(std::string_view hex) {
  chacha20::Key key{};
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
  return key;
}

std::vector<blake3::InstructionSet> sets() {
  std::vector<blake3::InstructionSet> all;
  for (const auto set : {blake3::InstructionSet::scalar, blake3::InstructionSet::sse41, blake3::InstructionSet::avx2,
                         blake3::InstructionSet::avx512})
    if (blake3::supported(set)) all.push_back(set);
  return all;
}

Bytes applied(const chacha20::Key& key, std::uint64_t nonce, std::uint64_t position, const Bytes& text) {
  Bytes out(text.size());
  chacha20::apply(key, nonce, position, text.data(), out.data(), text.size());
  return out;
}

// The four whose nonces begin with four zero bytes.
void vectors() {
  const chacha20::Key zeros{};
  const chacha20::Key counting = keyOf("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const chacha20::Key other = keyOf("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
  const std::string_view sunscreen = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
                                     "the future, sunscreen would be it.";
  const std::string_view jabberwocky = "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\nAll mimsy "
                                       "were the borogoves,\nAnd the mome raths outgrabe.";
  // A.1, test vector 1.
  CHECK(hexOf(applied(zeros, 0, 0, Bytes(64))) == "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
                                                  "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
  // A.1, test vector 5.
  CHECK(hexOf(applied(zeros, 0x0200000000000000, 0, Bytes(64))) ==
        "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
        "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d");
  // 2.4.2.
  CHECK(hexOf(applied(counting, 0x4a000000, 64, Bytes(sunscreen.begin(), sunscreen.end()))) ==
        "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d624e65152ab"
        "8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42"
        "874d");
  // A.2, test vector 3.
  CHECK(hexOf(applied(other, 0x0200000000000000, 42 * 64, Bytes(jabberwocky.begin(), jabberwocky.end()))) ==
        "62e6347f95ed87a45ffae7426f27a1df5fb69110044c0d73118effa95b01e5cf166d3df2d721caf9b21e5fb14c616871fd84c54f9d65b283"
        "196c7fe4f60553ebf39c6402c42234e32a356b3e764312a61a5532055716ead6962568f87d3f3f7704c6a8d1bcd1bf4d50d6154b6da731b1"
        "87b58dfd728afa36757a797ac188d1");
}

void setsAgree(std::mt19937_64& random) {
  chacha20::Key key;
  for (auto& byte : key) byte = static_cast<std::uint8_t>(random());
  const std::uint64_t nonce = random();
  const std::size_t length = random() % 4 == 0 ? random() % 40 : random() % 10'000;
  // Also where the block counter comes to its end.
  const std::uint64_t position = random() % 8 == 0 ? chacha20::streamBytesMax - length : random() % 5000;
  Bytes text(length + 3);
  for (auto& byte : text) byte = static_cast<std::uint8_t>(random());
  const std::size_t skew = random() % 4;
  const Bytes plain(text.begin() + static_cast<std::ptrdiff_t>(std::min(skew, length)), text.begin() + static_cast<std::ptrdiff_t>(length));
  blake3::force(blake3::InstructionSet::scalar);
  const Bytes expected = applied(key, nonce, position, plain);
  for (const auto set : sets()) {
    blake3::force(set);
    CHECK(applied(key, nonce, position, plain) == expected);
    Bytes inPlace = plain;
    chacha20::apply(key, nonce, position, inPlace.data(), inPlace.data(), inPlace.size());
    CHECK(inPlace == expected);
    for (std::size_t at = 0; at < inPlace.size();) {
      const std::size_t piece = std::min<std::size_t>(inPlace.size() - at, 1 + random() % 700);
      chacha20::apply(key, nonce, position + at, inPlace.data() + at, inPlace.data() + at, piece);
      at += piece;
    }
    CHECK(inPlace == plain);
  }
  blake3::force(blake3::best());
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::stoull(argv[1]) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (const auto set : sets()) {
    blake3::force(set);
    vectors();
  }
  blake3::force(blake3::best());
  for (int i = 0; i < 500; ++i) setsAgree(random);
  return volley_test::finish();
}
