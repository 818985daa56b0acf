// TCP over IPv4 without waiting, for the unicast side: streams, a listener, a file that the system sends by itself,
// and one wait for all of them. The system's folder implements it. Each object is used by one thread at a time.
// Failures to open throw PortError; a connection that breaks afterwards is `closed`, not an error.
#pragma once
#include "port/socket.h"
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace volley {

struct Transfer {
  enum class State { moved, wouldWait, closed };
  State state;
  std::size_t bytes; // with `moved`, at least 1
};

// A file whose bytes go from the page cache to streams.
class ServedFile {
public:
  virtual ~ServedFile() = default;
  virtual std::uint64_t bytes() const = 0;
};
std::unique_ptr<ServedFile> openServedFile(const std::string& path);

class Stream {
public:
  virtual ~Stream() = default;
  // After `connectStream`: whether the connection stands. `closed` where it was refused or broke.
  virtual Transfer::State connected() = 0;
  virtual Transfer read(std::span<std::uint8_t> out) = 0;
  virtual Transfer write(std::span<const std::uint8_t> bytes) = 0;
  // `bytes` of the file from `offset`, which lie inside it. A file that was cut short since is `closed`.
  virtual Transfer write(const ServedFile& file, std::uint64_t offset, std::size_t bytes) = 0;
};

// Begins to connect; `connected` says when it is done.
std::unique_ptr<Stream> connectStream(const Endpoint& to);

class StreamListener {
public:
  virtual ~StreamListener() = default;
  virtual std::uint16_t port() const = 0;
  virtual std::unique_ptr<Stream> accept() = 0; // null when nobody is waiting
};
std::unique_ptr<StreamListener> listenForStreams(const Endpoint& at);

struct StreamInterest {
  Stream* stream;
  bool read;
  bool write;
  bool ready = false; // set by the wait: one of them is possible, or the stream is closed
};

// Returns when one of the streams is ready, somebody wants to connect to `listener` (may be null), `wakeup` was
// notified, or the time is over. Says whether somebody wants to connect.
bool waitForStreams(std::span<StreamInterest> interests, const StreamListener* listener, const Wakeup& wakeup,
                    std::uint32_t timeout_ms);

} // namespace volley
