#include "linux/network_interface.h"
#include "linux/descriptor.h"
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>

namespace volley {

NetworkInterface interfaceOf(std::uint32_t address) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) fail("getifaddrs");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(first, ::freeifaddrs);
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    const auto* internet = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    if (ntohl(internet->sin_addr.s_addr) != address) continue;
    // An address may carry a label, "eth0:1"; the interface is what stands before the colon.
    const std::string name = std::string(one->ifa_name).substr(0, std::string(one->ifa_name).find(':'));
    const unsigned index = ::if_nametoindex(name.c_str());
    if (index == 0) fail("if_nametoindex");
    return {name, static_cast<int>(index)};
  }
  throw PortError(ENODEV, "getifaddrs");
}

} // namespace volley
