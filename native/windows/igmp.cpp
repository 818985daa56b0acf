// Asking and listening as a multicast router is a site's work, and a site runs on Linux. Here both say that
// there is no such access, as a system does that forbids raw sockets.
#include "port/igmp.h"
#include "windows/handle.h"

namespace volley {

std::unique_ptr<IgmpSocket> openIgmpSocket(std::uint32_t) {
  throw PortError(ERROR_ACCESS_DENIED, "WSASocket");
}

std::unique_ptr<GroupEar> openGroupEar(const GroupEarOptions&) {
  throw PortError(ERROR_ACCESS_DENIED, "WSASocket");
}

} // namespace volley
