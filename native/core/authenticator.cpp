#include "core/authenticator.h"
#include "core/bytes.h"
#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

namespace volley {

namespace {
// Tags are made for so many datagrams at a time, so that they fit the stack; a multiple of every SIMD width.
constexpr std::size_t batch = 64;

std::array<std::uint8_t, 32 + 4 + 4 + 2> startMaterial(const blake3::Key& sessionKey, std::uint32_t session,
                                                       std::uint32_t start, std::uint16_t stream) {
  std::array<std::uint8_t, 32 + 4 + 4 + 2> material;
  std::copy(sessionKey.begin(), sessionKey.end(), material.begin());
  putLittleEndian(material.data() + 32, session);
  putLittleEndian(material.data() + 36, start);
  putLittleEndian(material.data() + 40, stream);
  return material;
}
} // namespace

void KeyedBlake3::sign(std::span<std::uint8_t* const> datagrams, std::size_t length) {
  std::array<blake3::Tag, batch> tags;
  std::array<const std::uint8_t*, batch> messages;
  for (std::size_t first = 0; first < datagrams.size(); first += batch) {
    const std::size_t count = std::min(batch, datagrams.size() - first);
    std::copy_n(datagrams.begin() + static_cast<std::ptrdiff_t>(first), count, messages.begin());
    blake3::keyedTags(key_, {messages.data(), count}, length, tags.data());
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(datagrams[first + i] + length, tags[i].data(), limits::tagBytes);
    }
  }
}

void KeyedBlake3::check(std::span<const std::uint8_t* const> datagrams, std::size_t length, bool* valid) {
  std::array<blake3::Tag, batch> tags;
  for (std::size_t first = 0; first < datagrams.size(); first += batch) {
    const std::size_t count = std::min(batch, datagrams.size() - first);
    blake3::keyedTags(key_, datagrams.subspan(first, count), length, tags.data());
    for (std::size_t i = 0; i < count; ++i) {
      // Every byte is looked at whatever the others say, so that the time taken tells nothing about the tag.
      std::uint8_t difference = 0;
      for (std::size_t j = 0; j < limits::tagBytes; ++j) {
        difference = static_cast<std::uint8_t>(difference | (tags[i][j] ^ datagrams[first + i][length + j]));
      }
      valid[first + i] = difference == 0;
    }
  }
}

blake3::Key senderKey(const blake3::Key& sessionKey, std::uint32_t session, std::uint32_t start,
                      std::uint16_t stream) {
  return blake3::deriveKey("volley 1 sender key", startMaterial(sessionKey, session, start, stream));
}

chacha20::Key payloadKey(const blake3::Key& sessionKey, std::uint32_t session, std::uint32_t start,
                         std::uint16_t stream) {
  return blake3::deriveKey("volley 1 payload key", startMaterial(sessionKey, session, start, stream));
}

chacha20::Key unicastKey(const blake3::Key& receiverKey) {
  return blake3::deriveKey("volley 1 unicast key", receiverKey);
}

blake3::Key receiverKey(const blake3::Key& feedbackSecret, std::uint32_t session, std::uint32_t receiver) {
  std::array<std::uint8_t, 32 + 4 + 4> material;
  std::copy(feedbackSecret.begin(), feedbackSecret.end(), material.begin());
  putLittleEndian(material.data() + 32, session);
  putLittleEndian(material.data() + 36, receiver);
  return blake3::deriveKey("volley 1 receiver key", material);
}

ReplayWindow::ReplayWindow(std::uint32_t size) : bits_(size / 64), size_(size) {
  assert(size >= 64 && std::has_single_bit(size));
}

bool ReplayWindow::fresh(std::uint64_t counter) const {
  if (counter == 0) return false;
  if (counter > highest_) return true;
  if (highest_ - counter >= size_) return false;
  const std::uint64_t place = counter & (size_ - 1);
  return (bits_[place / 64] >> (place % 64) & 1) == 0;
}

void ReplayWindow::remember(std::uint64_t counter) {
  // Of two equal datagrams checked in one batch both were fresh; the second changes nothing.
  if (!fresh(counter)) return;
  if (counter > highest_) {
    if (counter - highest_ >= size_) {
      std::fill(bits_.begin(), bits_.end(), 0);
    } else {
      // The places that counters skipped on the way still hold bits of a window ago.
      for (std::uint64_t skipped = highest_ + 1; skipped < counter; ++skipped) {
        const std::uint64_t place = skipped & (size_ - 1);
        bits_[place / 64] &= ~(1ull << (place % 64));
      }
    }
    highest_ = counter;
  }
  const std::uint64_t place = counter & (size_ - 1);
  bits_[place / 64] |= 1ull << (place % 64);
}

} // namespace volley
