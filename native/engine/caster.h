// The sending end of a multicast session: one thread that drives the Sender machine over sockets, and the unicast
// side (content_server.h) with threads of its own. Everything is opened in the constructor, so that what cannot
// work is said at once.
#pragma once
#include "core/blake3.h"
#include "core/sender.h"
#include "engine/error.h"
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace volley {

// Mirrors CasterOptions of native/index.ts.
struct CasterOptions {
  std::vector<std::uint8_t> manifest; // the whole file, signature included (already checked by the caller)
  std::string contentPath;
  blake3::Key sessionKey{};
  blake3::Key feedbackSecret{};
  std::uint32_t session = 0;
  std::uint32_t start = 1;
  std::uint16_t stream = 0;
  std::string group; // IPv4, dotted
  std::uint16_t port = 0;
  std::string interfaceAddress;
  std::uint16_t feedbackPort = 0; // 0 = any free one
  std::optional<std::uint16_t> unicastPort = 0; // of nothing: by multicast only, and no unicast is served
  std::uint8_t timeToLive = 1;
  std::uint32_t mtu = 1500;
  bool encrypted = false; // what goes by multicast and by unicast
  std::uint64_t rateBytesPerSecond = 0; // on the wire; 0 = what receivers take
  bool paceByQuickest = false;          // the rate follows the quickest quarter of the receivers, not most of them
};

struct CasterStatistics {
  std::uint64_t dataDatagrams = 0;
  std::uint64_t announceDatagrams = 0;
  std::uint64_t paritySymbols = 0;
  std::uint64_t sourceSymbols = 0;
  std::uint64_t reports = 0;
  std::uint64_t reportsRefused = 0; // garbage, wrong tag, replayed, or not understood
  std::uint32_t receivers = 0;
  std::uint32_t blocksPending = 0;
  std::uint64_t rateBytesPerSecond = 0;
  std::uint64_t multicastBytes = 0; // UDP payload
  std::uint64_t unicastBytes = 0;   // content bytes served
  bool idle = true;
  Limit limit = Limit::nothing;
  std::uint32_t limitingReceiver = 0;
  std::vector<std::uint32_t> overBudget; // receivers that the repair budget has moved (core/sender.h)
};

class Caster {
public:
  // Called once, from an engine thread: with nullptr after stop(), with the error when the caster ended by itself.
  // The Caster must not be destroyed inside it.
  using Finished = std::function<void(const EngineError*)>;

  // Throws EngineError (E_MANIFEST_INVALID, E_CONTENT_READ, E_SOCKET, E_OUT_OF_MEMORY), with nothing left running;
  // `finished` is then not called.
  Caster(const CasterOptions& options, Finished finished);
  // Stops and joins; `finished` has been called when it returns.
  ~Caster();
  Caster(const Caster&) = delete;
  Caster& operator=(const Caster&) = delete;

  // All of these from any thread, and none of them waits.
  std::uint16_t feedbackPort() const;
  std::uint16_t unicastPort() const; // 0 = none
  CasterStatistics statistics() const;
  void setRate(std::uint64_t rateBytesPerSecond);
  // Moves a receiver to unicast, or takes it back, from any thread.
  void setMoved(std::uint32_t receiver, bool moved);
  void stop();

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace volley
