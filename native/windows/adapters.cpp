#include "port/windows_machine.h"
#include "windows/text.h"
#include "windows/winsock.h"

#include <iphlpapi.h>
#include <netioapi.h>

namespace volley::windows {
namespace {

constexpr ULONG listBytesFirst = 16 * 1024;
constexpr int listAttempts = 4; // while adapters come and go
constexpr ULONG64 speedUnknown = ~0ull;

// Kept as bytes of the system's list, whose parts point at each other.
std::vector<std::uint64_t> listAdapters() {
  constexpr ULONG flags =
      GAA_FLAG_INCLUDE_GATEWAYS | GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
  ULONG bytes = listBytesFirst;
  for (int left = listAttempts; left > 0; --left) {
    std::vector<std::uint64_t> list(bytes / sizeof(std::uint64_t) + 1);
    bytes = static_cast<ULONG>(list.size() * sizeof(std::uint64_t));
    const ULONG error = ::GetAdaptersAddresses(AF_UNSPEC, flags, nullptr,
                                               reinterpret_cast<IP_ADAPTER_ADDRESSES*>(list.data()), &bytes);
    if (error == ERROR_SUCCESS) return list;
    if (error != ERROR_BUFFER_OVERFLOW) break;
  }
  return {};
}

std::string textOf(const SOCKET_ADDRESS& address) {
  if (address.lpSockaddr == nullptr || address.lpSockaddr->sa_family != AF_INET) return "";
  char text[INET_ADDRSTRLEN];
  auto* internet = reinterpret_cast<sockaddr_in*>(address.lpSockaddr);
  return ::inet_ntop(AF_INET, &internet->sin_addr, text, sizeof text) != nullptr ? text : "";
}

std::string macOf(const IP_ADAPTER_ADDRESSES& from) {
  constexpr ULONG ethernetBytes = 6;
  if (from.PhysicalAddressLength != ethernetBytes) return "";
  std::string text;
  for (ULONG i = 0; i < ethernetBytes; ++i) {
    if (i > 0) text += ':';
    text += "0123456789abcdef"[from.PhysicalAddress[i] >> 4];
    text += "0123456789abcdef"[from.PhysicalAddress[i] & 15];
  }
  return text;
}

const char* kindOf(DWORD type) {
  switch (type) {
  case IF_TYPE_ETHERNET_CSMACD:
    return "wired";
  case IF_TYPE_IEEE80211:
    return "wireless";
  case IF_TYPE_SOFTWARE_LOOPBACK:
    return "loopback";
  default:
    return "other";
  }
}

std::optional<bool> isHardware(const NET_LUID& adapter) {
  MIB_IF_ROW2 row{};
  row.InterfaceLuid = adapter;
  if (::GetIfEntry2(&row) != NO_ERROR) return std::nullopt;
  return row.InterfaceAndOperStatusFlags.HardwareInterface != 0;
}

Adapter read(const IP_ADAPTER_ADDRESSES& from) {
  Adapter adapter;
  if (from.FriendlyName != nullptr) adapter.name = narrow(from.FriendlyName);
  if (from.Description != nullptr) adapter.description = narrow(from.Description);
  adapter.macAddress = macOf(from);
  adapter.kind = kindOf(from.IfType);
  adapter.hardware = isHardware(from.Luid);
  adapter.up = from.OperStatus == IfOperStatusUp;
  for (const auto* one = from.FirstUnicastAddress; one != nullptr; one = one->Next) {
    std::string text = textOf(one->Address);
    if (!text.empty()) adapter.addresses.push_back({std::move(text), one->OnLinkPrefixLength});
  }
  for (const auto* one = from.FirstGatewayAddress; one != nullptr; one = one->Next) {
    std::string text = textOf(one->Address);
    if (!text.empty()) adapter.gateways.push_back(std::move(text));
  }
  // The loopback's is said to be without a bound.
  if (from.Mtu > 0 && from.Mtu <= INT32_MAX) adapter.mtuBytes = static_cast<std::uint32_t>(from.Mtu);
  if (from.TransmitLinkSpeed != speedUnknown && from.TransmitLinkSpeed > 0)
    adapter.speedMbps = static_cast<double>(from.TransmitLinkSpeed) / 1e6;
  return adapter;
}

} // namespace

std::vector<Adapter> adapters() {
  std::vector<Adapter> result;
  const std::vector<std::uint64_t> list = listAdapters();
  if (list.empty()) return result;
  for (const auto* one = reinterpret_cast<const IP_ADAPTER_ADDRESSES*>(list.data()); one != nullptr;
       one = one->Next)
    result.push_back(read(*one));
  return result;
}

} // namespace volley::windows
