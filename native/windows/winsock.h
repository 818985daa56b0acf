// Winsock as the ports use it: started once, sockets that close themselves, IPv4 addresses, and the wakeup as
// this system has it, an event that waits beside the sockets' own.
#pragma once
#include "port/socket.h"
#include "windows/handle.h"
#include <ws2tcpip.h>

namespace volley {

class SocketHandle {
public:
  explicit SocketHandle(SOCKET socket) : socket_(socket) {}
  SocketHandle(SocketHandle&& other) noexcept : socket_(std::exchange(other.socket_, INVALID_SOCKET)) {}
  SocketHandle& operator=(SocketHandle&&) = delete;
  ~SocketHandle() {
    if (socket_ != INVALID_SOCKET) ::closesocket(socket_);
  }
  SOCKET get() const { return socket_; }

private:
  SOCKET socket_;
};

// Throw PortError with what Winsock says.
[[noreturn]] void failSocket(const char* call);
SocketHandle openSocket(int type, int protocol);
void setOption(SOCKET socket, int level, int option, DWORD value, const char* name);
void makeNonBlocking(SOCKET socket);
Endpoint localEndpoint(SOCKET socket);

// Where the answer does not matter: a system that does not have it.
bool attemptOption(SOCKET socket, int level, int option, DWORD value);

sockaddr_in socketAddress(const Endpoint& endpoint);

class WindowsWakeup final : public Wakeup {
public:
  void notify() noexcept override { ::SetEvent(event_.get()); }
  void clear() noexcept override { ::ResetEvent(event_.get()); }
  HANDLE event() const { return event_.get(); }

private:
  Handle event_ = makeEvent();
};

inline HANDLE eventOf(const Wakeup& wakeup) {
  return static_cast<const WindowsWakeup&>(wakeup).event();
}

} // namespace volley
