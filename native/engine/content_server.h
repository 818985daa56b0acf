// The unicast side of a session: a small HTTP server on its own port that gives ranges of the content file to
// receivers of the session, encrypted where the session is (docs/PROTOCOL.md, Unicast). One thread serves all connections; their number, the size
// of what they may say and the time they may be silent are bounded by limits::unicast*.
#pragma once
#include "engine/content_request.h"
#include "engine/receiver_keys.h"
#include "port/content_file.h"
#include "port/stream.h"
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace volley {

class ContentServer {
public:
  struct Options {
    std::string contentPath;
    std::uint64_t contentBytes;
    Endpoint at; // port 0 = any free one
    blake3::Key feedbackSecret;
    std::uint32_t session;
    bool encrypted;
  };
  // Throws EngineError: E_CONTENT_READ, E_SOCKET.
  explicit ContentServer(const Options& options);
  // Breaks the connections off and joins.
  ~ContentServer();
  ContentServer(const ContentServer&) = delete;
  ContentServer& operator=(const ContentServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::uint64_t bytesServed() const { return bytesServed_.load(std::memory_order_relaxed); }

private:
  using SteadyClock = std::chrono::steady_clock;

  struct Connection {
    std::unique_ptr<Stream> stream;
    bool refused;          // one too many: it is told so
    bool closing = false;  // after what is still to be written
    std::string heard;     // of requests, not yet answered
    std::string answer;    // still to be written, before the body
    std::uint64_t offset = 0;
    std::uint64_t left = 0; // of the body
    std::uint64_t sent = 0; // of it
    chacha20::Key key;       // of an encrypted body, and its nonce
    std::uint64_t nonce = 0;
    SteadyClock::time_point lastProgress;
    bool writing() const { return !answer.empty() || left > 0; }
  };

  void run();
  void acceptAll();
  // Each says whether the connection lives on.
  bool serve(Connection& connection);
  bool listen(Connection& connection);
  bool speak(Connection& connection);
  void answer(Connection& connection, std::string_view head);
  void refuse(Connection& connection, int status);
  // Of the body, at most so many bytes.
  Transfer writeBody(Connection& connection, std::size_t most);

  std::uint64_t contentBytes_;
  std::unique_ptr<ServedFile> file_;
  std::unique_ptr<StreamListener> listener_;
  std::unique_ptr<Wakeup> wakeup_;
  std::uint16_t port_ = 0;
  ReceiverKeys keys_;
  const bool encrypted_;
  std::unique_ptr<ContentReader> reader_; // of an encrypted session, whose bytes the system cannot send by itself
  std::vector<std::uint8_t> piece_;
  std::vector<Connection> connections_;
  std::atomic<std::uint64_t> bytesServed_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

} // namespace volley
