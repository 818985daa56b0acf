// What a multicast router hears and says on a network, and a look at what a card receives before any socket
// is asked for it. Both are raw access, which systems give to privileged programs only: there the system
// refuses with EPERM or EACCES (on Windows their equivalents), otherwise as every port does, with PortError.
// The system's folder implements them. Each is used by one thread at a time and never waits.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace volley {

struct IgmpArrival {
  std::uint32_t from; // host byte order, like `to`
  std::uint32_t to;
  std::vector<std::uint8_t> message; // without the IP header; its checksum was not looked at
};

// On one interface: hears what is sent to all systems, all routers and all IGMPv3 routers, and whatever else
// of IGMP the card lets through. What came from beyond a router (a time to live that is not 1) is left out.
class IgmpSocket {
public:
  virtual ~IgmpSocket() = default;
  // From the interface's address, with a time to live of 1 and the option Router Alert (RFC 2236, 2; RFC
  // 3376, 4). False where it cannot leave now: no link, no room.
  virtual bool send(std::uint32_t to, std::span<const std::uint8_t> message) = 0;
  // At most some hundred of those that have arrived, own ones among them.
  virtual std::vector<IgmpArrival> receive() = 0;
};
std::unique_ptr<IgmpSocket> openIgmpSocket(std::uint32_t interfaceAddress);

// Sees the packets of one interface, in and out, whose destination a card cannot tell from one of the groups:
// the last 23 bits are what Ethernet carries of it (RFC 1112, 6.4). The card has to be let receive them by
// joining the group.
class GroupEar {
public:
  virtual ~GroupEar() = default;
  // The groups that something but IGMP and UDP to `ignoredPort` was seen for since the last call.
  virtual std::vector<std::uint32_t> heard() = 0;
};
struct GroupEarOptions {
  std::uint32_t interfaceAddress;
  std::vector<std::uint32_t> groups; // at most limits::groupEarGroups
  std::uint16_t ignoredPort;
};
std::unique_ptr<GroupEar> openGroupEar(const GroupEarOptions& options);

} // namespace volley
