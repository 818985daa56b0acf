#include "core/limits.h"
#include "linux/descriptor.h"
#include "linux/network_interface.h"
#include "port/igmp.h"
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cassert>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace volley {
namespace {

constexpr std::uint32_t destinationAt = 16; // in an IPv4 header
constexpr std::uint32_t multicastMask = 0xf0000000;
constexpr std::uint32_t multicast = 0xe0000000;
constexpr std::uint32_t ethernetMask = 0x007fffff;

sock_filter load(std::uint32_t at) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at);
}

// The system's own filter, so that a busy card costs nothing: IPv4, to a multicast address with the last 23
// bits of one of the groups. A packet begins with its IP header here.
std::vector<sock_filter> filterFor(const std::vector<std::uint32_t>& groups) {
  const auto count = static_cast<std::uint8_t>(groups.size());
  std::vector<sock_filter> program;
  program.push_back(load(static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PROTOCOL)));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, static_cast<std::uint8_t>(count + 5)));
  program.push_back(load(destinationAt));
  program.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, multicastMask));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, multicast, 0, static_cast<std::uint8_t>(count + 2)));
  program.push_back(load(destinationAt));
  program.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ethernetMask));
  for (std::uint8_t i = 0; i < count; ++i) {
    const auto toAccept = static_cast<std::uint8_t>(count - i);
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, groups[i] & ethernetMask, toAccept, 0));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, limits::igmpPacketBytes));
  return program;
}

class LinuxGroupEar final : public GroupEar {
public:
  LinuxGroupEar(Descriptor descriptor, const GroupEarOptions& options)
      : descriptor_(std::move(descriptor)), groups_(options.groups), ignoredPort_(options.ignoredPort) {}

  std::vector<std::uint32_t> heard() override {
    std::vector<std::uint32_t> found;
    std::array<std::uint8_t, headBytes> head;
    for (std::size_t i = 0; i < limits::groupEarPackets; ++i) {
      const ssize_t length = ::recv(descriptor_.get(), head.data(), head.size(), MSG_DONTWAIT);
      if (length < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ENETDOWN) break;
        fail("recv");
      }
      const std::size_t bytes = static_cast<std::size_t>(length);
      if (bytes < 20 || isIgnored(head, bytes)) continue;
      const std::uint32_t to = (head[17] & 0x7fu) << 16 | std::uint32_t{head[18]} << 8 | head[19];
      for (const std::uint32_t group : groups_) {
        const bool isKnown = std::find(found.begin(), found.end(), group) != found.end();
        if ((group & ethernetMask) == to && !isKnown) found.push_back(group);
      }
    }
    return found;
  }

private:
  // The longest IP header, and the UDP ports behind it.
  static constexpr std::size_t headBytes = 64;

  bool isIgnored(const std::array<std::uint8_t, headBytes>& head, std::size_t bytes) const {
    if (head[9] == IPPROTO_IGMP) return true;
    const std::size_t header = (head[0] & 0x0fu) * 4u;
    const bool isFirst = (head[6] & 0x1fu) == 0 && head[7] == 0;
    if (head[9] != IPPROTO_UDP || !isFirst || header + 4 > bytes) return false;
    return (std::uint32_t{head[header + 2]} << 8 | head[header + 3]) == ignoredPort_;
  }

  Descriptor descriptor_;
  std::vector<std::uint32_t> groups_;
  std::uint16_t ignoredPort_;
};

} // namespace

std::unique_ptr<GroupEar> openGroupEar(const GroupEarOptions& options) {
  assert(!options.groups.empty() && options.groups.size() <= limits::groupEarGroups);
  // Of no protocol yet: nothing is received before the filter is in its place.
  Descriptor descriptor(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int socket = descriptor.get();
  if (socket < 0) fail("socket");
  std::vector<sock_filter> filter = filterFor(options.groups);
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    fail("SO_ATTACH_FILTER");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL); // with what this computer sends
  address.sll_ifindex = interfaceOf(options.interfaceAddress).index;
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  return std::make_unique<LinuxGroupEar>(std::move(descriptor), options);
}

} // namespace volley
