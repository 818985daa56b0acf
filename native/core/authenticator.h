// How core asks for and checks the tags of datagrams, so that it stays free of libraries and other schemes can be
// handed in; keyed BLAKE3 in SIMD lanes is the one that ships. Keys, those that encrypt (core/chacha20.h) among them:
// docs/PROTOCOL.md 3. Also the replay window.
#pragma once
#include "core/blake3.h"
#include "core/chacha20.h"
#include "core/limits.h"
#include <cstdint>
#include <span>
#include <vector>

namespace volley {

class Authenticator {
public:
  virtual ~Authenticator() = default;
  // Writes the tags of datagrams of one length (bytes without tag) behind each: datagrams[i] + length.
  virtual void sign(std::span<std::uint8_t* const> datagrams, std::size_t length) = 0;
  // valid[i] says whether datagrams[i] (length bytes, then the tag) authenticates; compares in constant time.
  virtual void check(std::span<const std::uint8_t* const> datagrams, std::size_t length, bool* valid) = 0;
};

class KeyedBlake3 final : public Authenticator {
public:
  explicit KeyedBlake3(const blake3::Key& key) : key_(key) {}
  void sign(std::span<std::uint8_t* const> datagrams, std::size_t length) override;
  void check(std::span<const std::uint8_t* const> datagrams, std::size_t length, bool* valid) override;

private:
  blake3::Key key_;
};

blake3::Key senderKey(const blake3::Key& sessionKey, std::uint32_t session, std::uint32_t start,
                      std::uint16_t stream);
blake3::Key receiverKey(const blake3::Key& feedbackSecret, std::uint32_t session, std::uint32_t receiver);

// What encrypts the symbols of a sender's start, nonces being its datagrams' counters; and what encrypts the answers to
// one receiver's unicast requests, nonces being their counters.
chacha20::Key payloadKey(const blake3::Key& sessionKey, std::uint32_t session, std::uint32_t start,
                         std::uint16_t stream);
chacha20::Key unicastKey(const blake3::Key& receiverKey);

// Which counters were seen. `fresh` asks; `remember` records one that authenticated.
class ReplayWindow {
public:
  explicit ReplayWindow(std::uint32_t size); // a power of two, at least 64
  bool fresh(std::uint64_t counter) const;
  void remember(std::uint64_t counter);
  std::uint64_t highest() const { return highest_; }

private:
  std::vector<std::uint64_t> bits_;
  std::uint64_t highest_ = 0;
  std::uint32_t size_;
};

} // namespace volley
