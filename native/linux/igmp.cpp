#include "port/igmp.h"
#include "core/limits.h"
#include "linux/descriptor.h"
#include "linux/internet_address.h"
#include "linux/network_interface.h"
#include <array>
#include <sys/socket.h>

namespace volley {
namespace {

constexpr std::uint32_t allRouters = 0xe0000002;       // 224.0.0.2, where IGMPv2 sends leaves
constexpr std::uint32_t allIgmpv3Routers = 0xe0000016; // 224.0.0.22, where IGMPv3 sends reports
// RFC 2113: every router looks at the packet, and snooping switches tell a querier's port by it.
constexpr std::array<std::uint8_t, 4> routerAlert{0x94, 0x04, 0x00, 0x00};
constexpr int networkControl = 0xc0; // as the system's own reports; a full link drops others before
// A room's answers to one question come within ten seconds.
constexpr int receiveBufferBytes = 2 << 20;
constexpr std::size_t ipHeaderBytesLeast = 20;

template <class Value> void set(int socket, int level, int option, const Value& value, const char* name) {
  if (::setsockopt(socket, level, option, &value, sizeof value) != 0) fail(name);
}

class LinuxIgmpSocket final : public IgmpSocket {
public:
  explicit LinuxIgmpSocket(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  bool send(std::uint32_t to, std::span<const std::uint8_t> message) override {
    const sockaddr_in address = socketAddress({to, 0});
    const ssize_t sent =
        ::sendto(descriptor_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return sent >= 0;
  }

  std::vector<IgmpArrival> receive() override {
    std::vector<IgmpArrival> arrivals;
    std::array<std::uint8_t, limits::igmpPacketBytes> packet;
    for (std::size_t i = 0; i < limits::igmpArrivals; ++i) {
      const ssize_t length =
          ::recv(descriptor_.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_TRUNC);
      if (length < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ENETDOWN || errno == ENOBUFS) break;
        fail("recv");
      }
      // Longer ones than any router or host sends are left out.
      if (static_cast<std::size_t>(length) <= packet.size())
        take({packet.data(), static_cast<std::size_t>(length)}, arrivals);
    }
    return arrivals;
  }

private:
  // A raw socket gives the IP header, too; the system has checked it.
  static void take(std::span<const std::uint8_t> packet, std::vector<IgmpArrival>& arrivals) {
    if (packet.size() < ipHeaderBytesLeast) return;
    const std::size_t header = (packet[0] & 0x0fu) * 4u;
    const bool near = packet[8] == 1;
    if (!near || header < ipHeaderBytesLeast || header > packet.size()) return;
    const auto addressAt = [&](std::size_t at) {
      return std::uint32_t{packet[at]} << 24 | std::uint32_t{packet[at + 1]} << 16 |
             std::uint32_t{packet[at + 2]} << 8 | packet[at + 3];
    };
    arrivals.push_back(
        {addressAt(12), addressAt(16), {packet.begin() + static_cast<long>(header), packet.end()}});
  }

  Descriptor descriptor_;
};

} // namespace

std::unique_ptr<IgmpSocket> openIgmpSocket(std::uint32_t interfaceAddress) {
  Descriptor descriptor(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_IGMP));
  const int socket = descriptor.get();
  if (socket < 0) fail("socket");
  const NetworkInterface card = interfaceOf(interfaceAddress);
  if (::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, card.name.c_str(),
                   static_cast<socklen_t>(card.name.size() + 1)) != 0)
    fail("SO_BINDTODEVICE");
  ip_mreqn membership{};
  membership.imr_address.s_addr = htonl(interfaceAddress);
  membership.imr_ifindex = card.index;
  // Also the address that it sends from.
  set(socket, IPPROTO_IP, IP_MULTICAST_IF, membership, "IP_MULTICAST_IF");
  for (const std::uint32_t group : {allRouters, allIgmpv3Routers}) {
    membership.imr_multiaddr.s_addr = htonl(group);
    set(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, membership, "IP_ADD_MEMBERSHIP");
  }
  set(socket, IPPROTO_IP, IP_MULTICAST_TTL, 1, "IP_MULTICAST_TTL");
  set(socket, IPPROTO_IP, IP_TOS, networkControl, "IP_TOS");
  set(socket, IPPROTO_IP, IP_OPTIONS, routerAlert, "IP_OPTIONS");
  if (::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &receiveBufferBytes, sizeof receiveBufferBytes) != 0)
    set(socket, SOL_SOCKET, SO_RCVBUF, receiveBufferBytes, "SO_RCVBUF");
  return std::make_unique<LinuxIgmpSocket>(std::move(descriptor));
}

} // namespace volley
