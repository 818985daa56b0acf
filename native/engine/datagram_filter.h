// From what a socket received to genuine datagrams of the session: splits coalesced arrivals, drops what cannot be
// meant for us before anything is hashed, checks tags over many datagrams at once, and follows a sender that has
// begun again with a higher start. Used by one thread.
#pragma once
#include "core/authenticator.h"
#include "core/codec.h"
#include "core/sender.h"
#include "port/socket.h"
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace volley {

class DatagramFilter {
public:
  struct Options {
    blake3::Key sessionKey;
    std::uint32_t session;
    std::uint16_t stream;
    std::uint32_t symbolBytes;
    bool encrypted; // then DATA that is not is none of the session's, and the other way about
    std::uint32_t lossPerMillion; // dropped on purpose, after splitting
    std::uint32_t lossSeed;
  };
  // Gets each genuine datagram once, a symbol still as it was sent, tag included, in the order of arrival but for its type, with how long it had
  // been waiting.
  using Accept =
      std::function<void(const Header& header, std::span<const std::uint8_t> datagram, std::uint32_t age_us)>;

  DatagramFilter(const Options& options, Accept accept);
  void take(std::span<const Arrival> arrivals, Time now);

  std::uint32_t start() const { return start_; } // of the sender that was heard last; 0 = none yet
  // What the symbols of that start are encrypted with, in a session that is.
  const chacha20::Key& payloadKey() const { return payloadKey_; }
  std::uint64_t refused() const { return refused_; }

private:
  struct Pending {
    Header header;
    const std::uint8_t* bytes;
  };
  void consider(const std::uint8_t* bytes, std::size_t length, Time now);
  bool follow(const Header& header, const std::uint8_t* bytes, std::size_t length, Time now);
  bool acceptable(const Header& header, std::size_t length) const;
  void checkPending();
  void pass(const Header& header, const std::uint8_t* bytes, std::size_t length);
  bool lose();

  Options options_;
  std::uint32_t age_us_ = 0; // of the arrival that is being taken
  Accept accept_;
  DatagramType dataType_;
  std::size_t dataBytes_;
  std::uint32_t start_ = 0;
  std::optional<KeyedBlake3> authenticator_;
  chacha20::Key payloadKey_{};
  ReplayWindow window_{limits::senderReplayWindow};
  std::vector<Pending> pending_; // DATA of the present start
  std::vector<const std::uint8_t*> pointers_;
  std::uint64_t refused_ = 0;
  // Keys of higher starts that may still be tried: forged ones must not cost a derivation each.
  std::uint32_t attempts_ = 0;
  Time attemptsSince_ = 0;
  std::minstd_rand loss_;
};

} // namespace volley
