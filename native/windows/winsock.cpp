#include "windows/winsock.h"

namespace volley {
namespace {

// Never given back: sockets may live as long as the process.
void startWinsock() {
  static const int error = [] {
    WSADATA data;
    return ::WSAStartup(MAKEWORD(2, 2), &data);
  }();
  if (error != 0) throw PortError(error, "WSAStartup");
}

} // namespace

void failSocket(const char* call) {
  throw PortError(::WSAGetLastError(), call);
}

SocketHandle openSocket(int type, int protocol) {
  startWinsock();
  SocketHandle socket(
      ::WSASocketW(AF_INET, type, protocol, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
  if (socket.get() == INVALID_SOCKET) failSocket("WSASocket");
  return socket;
}

bool attemptOption(SOCKET socket, int level, int option, DWORD value) {
  return ::setsockopt(socket, level, option, reinterpret_cast<const char*>(&value), sizeof value) == 0;
}

void setOption(SOCKET socket, int level, int option, DWORD value, const char* name) {
  if (!attemptOption(socket, level, option, value)) failSocket(name);
}

void makeNonBlocking(SOCKET socket) {
  u_long on = 1;
  if (::ioctlsocket(socket, static_cast<long>(FIONBIO), &on) != 0) failSocket("FIONBIO");
}

Endpoint localEndpoint(SOCKET socket) {
  sockaddr_in address{};
  int length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) failSocket("getsockname");
  return {ntohl(address.sin_addr.s_addr), ntohs(address.sin_port)};
}

sockaddr_in socketAddress(const Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  address.sin_addr.s_addr = htonl(endpoint.address);
  return address;
}

std::optional<std::uint32_t> parseAddress(const std::string& dotted) {
  in_addr address{};
  if (::inet_pton(AF_INET, dotted.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

std::unique_ptr<Wakeup> makeWakeup() {
  return std::make_unique<WindowsWakeup>();
}

} // namespace volley
