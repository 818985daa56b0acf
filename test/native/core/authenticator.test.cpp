// Tags: made and accepted, refused for any changed bit, keys apart from each other. Replay window: each counter
// once, against a plain set of counters.
#include "check.h"
#include "core/authenticator.h"
#include <algorithm>
#include <memory>
#include <random>
#include <set>

using namespace volley;

namespace {
void signAndCheck(std::mt19937_64& random) {
  blake3::Key key;
  for (auto& byte : key) byte = static_cast<std::uint8_t>(random());
  KeyedBlake3 authenticator(key);
  const std::size_t length = 28 + random() % 1500;
  std::vector<std::vector<std::uint8_t>> datagrams(1 + random() % 150);
  std::vector<std::uint8_t*> writable;
  std::vector<const std::uint8_t*> readable;
  for (auto& datagram : datagrams) {
    datagram.resize(length + limits::tagBytes);
    for (auto& byte : datagram) byte = static_cast<std::uint8_t>(random());
    writable.push_back(datagram.data());
    readable.push_back(datagram.data());
  }
  authenticator.sign(writable, length);
  const auto tag = blake3::keyedHash(key, {datagrams[0].data(), length});
  CHECK(std::equal(tag.begin(), tag.begin() + 16, datagrams[0].begin() + static_cast<std::ptrdiff_t>(length)));
  std::vector<bool> changed(datagrams.size());
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    changed[i] = random() % 3 == 0;
    if (changed[i]) datagrams[i][random() % datagrams[i].size()] ^= static_cast<std::uint8_t>(1 << random() % 8);
  }
  const auto valid = std::make_unique<bool[]>(datagrams.size());
  authenticator.check(readable, length, valid.get());
  for (std::size_t i = 0; i < datagrams.size(); ++i) CHECK(valid[i] == !changed[i]);
}

void keysDiffer() {
  blake3::Key secret{};
  std::set<blake3::Key> keys{senderKey(secret, 1, 1, 0), senderKey(secret, 2, 1, 0), senderKey(secret, 1, 2, 0),
                             senderKey(secret, 1, 1, 1), receiverKey(secret, 1, 1),  receiverKey(secret, 1, 2),
                             receiverKey(secret, 2, 1), payloadKey(secret, 1, 1, 0), payloadKey(secret, 2, 1, 0),
                             payloadKey(secret, 1, 2, 0), payloadKey(secret, 1, 1, 1), unicastKey(secret),
                             unicastKey(receiverKey(secret, 1, 1))};
  CHECK(keys.size() == 13);
  CHECK(senderKey(secret, 1, 1, 0) == senderKey(secret, 1, 1, 0));
}

void replayWindow(std::mt19937_64& random, std::uint32_t size) {
  ReplayWindow window(size);
  std::set<std::uint64_t> seen;
  std::uint64_t highest = 0;
  CHECK(!window.fresh(0));
  for (int i = 0; i < 20000; ++i) {
    const auto kind = random() % 100;
    std::uint64_t counter = kind < 60   ? highest + 1
                            : kind < 80 ? highest + 1 + random() % 5
                            : kind < 81 ? highest + random() % (3 * size)
                                        : highest - std::min<std::uint64_t>(highest, random() % (2 * size));
    const bool expected = counter > 0 && !seen.contains(counter) && (counter > highest || highest - counter < size);
    CHECK(window.fresh(counter) == expected);
    if (expected && random() % 10 != 0) {
      window.remember(counter);
      window.remember(counter);
      seen.insert(counter);
      highest = std::max(highest, counter);
    }
    CHECK(window.highest() == highest);
  }
}
} // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::stoull(argv[1]) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 30; ++i) signAndCheck(random);
  keysDiffer();
  replayWindow(random, 64);
  replayWindow(random, 256);
  return volley_test::finish();
}
