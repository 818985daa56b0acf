// Who of a session's receivers something comes from: derives their keys, keeps those that have proved themselves,
// and refuses what was seen before. Used by one thread; one object for reports and another for unicast requests,
// whose counters are separate.
#pragma once
#include "core/authenticator.h"
#include "core/limits.h"
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

namespace volley {

class ReceiverKeys {
public:
  ReceiverKeys(const blake3::Key& feedbackSecret, std::uint32_t session)
      : feedbackSecret_(feedbackSecret), session_(session) {}

  // Whether `tag` is that of `message` under the receiver's key and the counter is new; it counts as seen then.
  // What fails leaves no trace, so that the memory is bounded by the keys that the site has handed out.
  bool accept(std::uint32_t receiver, std::uint64_t counter, std::span<const std::uint8_t> message,
              std::span<const std::uint8_t, limits::tagBytes> tag);
  // Of one that was accepted.
  const blake3::Key& keyOf(std::uint32_t receiver) const { return known_.at(receiver).key; }

private:
  struct Known {
    blake3::Key key;
    ReplayWindow window{limits::receiverReplayWindow};
  };

  blake3::Key feedbackSecret_;
  std::uint32_t session_;
  std::unordered_map<std::uint32_t, Known> known_;
};

} // namespace volley
