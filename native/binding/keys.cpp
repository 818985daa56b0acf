#include "binding/exports.h"
#include "binding/values.h"
#include "core/authenticator.h"
#include <limits>

namespace volley::binding {

Napi::Value receiverKey(const Napi::CallbackInfo& info) {
  const Options options(info[0]);
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  const blake3::Key key =
      volley::receiverKey(options.key("feedbackSecret"), options.integer<std::uint32_t>("session", 0, most),
                          options.integer<std::uint32_t>("receiver", 0, most));
  return buffer(info.Env(), key);
}

} // namespace volley::binding
