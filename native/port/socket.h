// UDP over IPv4 as the engine needs it: bursts of equal datagrams out, coalesced datagrams in, a group joined on
// one interface, and a wait that another thread can end. The system's folder implements it. A socket is used by
// one thread at a time, a Wakeup by any number. Failures throw PortError with the call that failed.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace volley {

struct Endpoint {
  std::uint32_t address = 0; // host byte order
  std::uint16_t port = 0;
};

// From "192.0.2.7"; nothing where it is not such an address.
std::optional<std::uint32_t> parseAddress(const std::string& dotted);

// Ends a wait of the thread that owns it, also one that has not begun yet.
class Wakeup {
public:
  virtual ~Wakeup() = default;
  virtual void notify() noexcept = 0; // from any thread
  virtual void clear() noexcept = 0;  // by the waiting thread, before it looks at what it was woken for
};
std::unique_ptr<Wakeup> makeWakeup();

// One or more datagrams from one peer, one behind the other: all `datagramBytes` long but for the last, which may be
// shorter. The bytes may be changed.
struct Arrival {
  std::uint8_t* bytes;
  std::uint32_t length; // of all of them
  std::uint32_t datagramBytes;
  std::uint32_t age_us; // how long it had been waiting when it was received; 0 where the system does not say
};

enum class SendOutcome {
  sent,        // handed to the system
  unreachable, // no route, no link, no room: worth another try later
};

class DatagramSocket {
public:
  virtual ~DatagramSocket() = default;
  virtual Endpoint local() const = 0;
  virtual std::size_t bufferBytes() const = 0; // own memory, allocated when it was opened

  // Sends `count` datagrams of `length` bytes that lie one behind the other, at most limits::burstDatagrams of them
  // and at most 65,000 bytes. Waits for room in the system's buffer, at most a tenth of a second. Throws where no
  // such datagram can ever leave (longer than the interface takes).
  virtual SendOutcome send(const std::uint8_t* datagrams, std::size_t count, std::size_t length,
                           const Endpoint& to) = 0;

  // What has arrived, without waiting; valid until the next call. Datagrams that were cut short are left out.
  virtual std::span<const Arrival> receive() = 0;

  // How full the system's receive buffer is, per thousand.
  virtual std::uint32_t backlogPerThousand() = 0;

  // Returns when something has arrived, `wakeup` was notified, or the time is over.
  virtual void wait(const Wakeup& wakeup, std::uint64_t timeout_us) = 0;

  // Waits that long so that more arrives, to be received with fewer calls and checked in larger batches; at most a
  // millisecond where Arrival::age_us is not known, and not at all where the system's buffer is too small for that.
  virtual void gather(std::uint64_t time_us) const = 0;
};

// For a sender: bound to the interface and a port (0 = any), sends to groups from that interface, and receives what
// is sent to it. Datagrams are never fragmented; they loop back to receivers on the same machine.
struct SenderSocketOptions {
  std::uint32_t interfaceAddress;
  std::uint16_t port;
  std::uint8_t timeToLive;
};
std::unique_ptr<DatagramSocket> openSenderSocket(const SenderSocketOptions& options);

// For a receiver: a member of the group on one interface, beside any number of others on the machine; receives what
// is sent to that group and port and nothing else. The system's buffer is made as large as it allows.
struct GroupSocketOptions {
  Endpoint group;
  std::uint32_t interfaceAddress;
};
std::unique_ptr<DatagramSocket> joinGroup(const GroupSocketOptions& options);

// To send a receiver's reports from; it receives nothing.
std::unique_ptr<DatagramSocket> openReportSocket(std::uint32_t interfaceAddress);

} // namespace volley
