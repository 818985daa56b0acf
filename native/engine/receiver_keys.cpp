#include "engine/receiver_keys.h"

namespace volley {

bool ReceiverKeys::accept(std::uint32_t receiver, std::uint64_t counter, std::span<const std::uint8_t> message,
                          std::span<const std::uint8_t, limits::tagBytes> tag) {
  const auto found = known_.find(receiver);
  if (found == known_.end() && known_.size() >= limits::receiversMax) return false;
  if (found != known_.end() && !found->second.window.fresh(counter)) return false;
  const blake3::Key key =
      found != known_.end() ? found->second.key : receiverKey(feedbackSecret_, session_, receiver);
  const blake3::Hash expected = blake3::keyedHash(key, message);
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < tag.size(); ++i) difference |= static_cast<std::uint8_t>(expected[i] ^ tag[i]);
  if (difference != 0) return false;
  Known& known = found != known_.end() ? found->second : known_.try_emplace(receiver).first->second;
  known.key = key;
  if (!known.window.fresh(counter)) return false; // 0, before the first
  known.window.remember(counter);
  return true;
}

} // namespace volley
