// A receiver's side of unicast: asks a session's content server for a range and reads it in pieces. One connection,
// kept between requests. Used by one thread; `cancel` may be called from any.
#pragma once
#include "core/blake3.h"
#include "core/chacha20.h"
#include "engine/content_request.h"
#include "port/stream.h"
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace volley {

class ContentClient {
public:
  // Throws PortError.
  ContentClient(const Endpoint& server, std::string host, std::uint32_t receiver, const blake3::Key& key,
                bool encrypted);

  // Connects where necessary and asks for the range, which is not empty. False where there is no connection, no
  // answer within limits::unicastProgress_ms, or another answer than these bytes; `status` then says which (0 =
  // none). After a failure the next call begins with a new connection.
  bool request(std::uint64_t offset, std::uint64_t bytes);
  int status() const { return status_; }
  // Fills `out` with the next bytes of the range that was asked for. False where they do not come.
  bool read(std::span<std::uint8_t> out);

  // Ends the call that is going on and all that follow, with false.
  void cancel();
  // Waits, for the back-off between attempts; false once cancelled.
  bool pause(std::uint32_t wait_ms);

private:
  bool connect();
  bool sendAll(const std::string& text);
  bool readHead();
  bool readStored(std::span<std::uint8_t> out);
  // Whether the stream became ready before `deadline`.
  bool await(bool reading, std::chrono::steady_clock::time_point deadline);
  bool drop();

  Endpoint server_;
  std::string host_;
  std::uint32_t receiver_;
  blake3::Key key_;
  const bool encrypted_;
  chacha20::Key unicastKey_;
  std::uint64_t counter_ = 0;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Wakeup> wakeup_;
  std::string heard_; // after the head: the beginning of the body
  std::uint64_t left_ = 0; // of the body
  std::uint64_t taken_ = 0; // of it
  int status_ = 0;
  bool keepAlive_ = true;
  std::atomic<bool> cancelled_{false};
};

} // namespace volley
