#include "core/limits.h"
#include "windows/precise_timer.h"
#include "windows/winsock.h"
#include <algorithm>
#include <cassert>
#include <cstring>
#include <mswsock.h>
#include <vector>

namespace volley {
namespace {

// As on Linux: the buffers lie a little more than 64 KiB apart so that their beginnings do not share cache
// lines' sets.
constexpr std::size_t arrivalBytes = 65536;
constexpr DWORD coalescedMost = 65535 - 8; // a UDP payload
constexpr std::size_t arrivalStride = arrivalBytes + 1536;
constexpr std::size_t arrivalsMany = 64;
constexpr std::size_t arrivalsFew = 8;
constexpr std::size_t coalescedBytes = 16384;
constexpr DWORD receiveBufferBytes = 24 << 20;
constexpr DWORD receiveBufferBytesLeast = 1 << 16;
constexpr DWORD sendBufferBytes = 4 << 20;
constexpr long sendWait_us = 100'000;
constexpr DWORD gatherBufferBytes = 4 << 20;
constexpr std::uint64_t gatherMost_us = 1000;

// From Windows 10 2004 on; headers that are older lack the names. Options and control messages of level
// IPPROTO_UDP, each with a DWORD.
constexpr int segmentBytesOption = 2; // UDP_SEND_MSG_SIZE
constexpr int coalescedBytesOption =
    3; // UDP_RECV_MAX_COALESCED_SIZE, and UDP_COALESCED_INFO beside what arrived
constexpr DWORD connectionResetIoctl = _WSAIOW(IOC_VENDOR, 12); // SIO_UDP_CONNRESET

bool passing(int error) {
  return error == WSAEWOULDBLOCK || error == WSAENOBUFS || error == WSAENETUNREACH ||
         error == WSAEHOSTUNREACH || error == WSAENETDOWN || error == WSAENETRESET ||
         error == WSAEADDRNOTAVAIL || error == WSAEACCES || error == WSAECONNRESET ||
         error == WSAECONNREFUSED || error == WSAEINTR;
}

LPFN_WSARECVMSG receiveFunction(SOCKET socket) {
  GUID name = WSAID_WSARECVMSG;
  LPFN_WSARECVMSG function = nullptr;
  DWORD bytes = 0;
  if (::WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &name, sizeof name, &function, sizeof function,
                 &bytes, nullptr, nullptr) != 0)
    failSocket("WSARecvMsg");
  return function;
}

// What a receiver is joined to; 0 for a socket that takes whatever is sent to it.
struct Receiving {
  std::size_t buffers = 0;
  std::uint32_t group = 0;
};

class WindowsDatagramSocket final : public DatagramSocket {
public:
  WindowsDatagramSocket(SocketHandle socket, Receiving receiving)
      : socket_(std::move(socket)), count_(receiving.buffers), group_(htonl(receiving.group)),
        receiveMessage_(receiveFunction(socket_.get())), memory_(std::make_unique_for_overwrite<std::uint8_t[]>(bufferBytes())) {
    // A port that nobody listens to any more must not look like an error of this socket.
    BOOL off = FALSE;
    DWORD bytes = 0;
    ::WSAIoctl(socket_.get(), connectionResetIoctl, &off, sizeof off, nullptr, 0, &bytes, nullptr, nullptr);
    DWORD most = 0;
    int length = sizeof most;
    segments_ = ::getsockopt(socket_.get(), IPPROTO_UDP, segmentBytesOption, reinterpret_cast<char*>(&most),
                             &length) == 0;
    length = sizeof receiveBuffer_;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, reinterpret_cast<char*>(&receiveBuffer_), &length);
    if (group_ != 0) attemptOption(socket_.get(), IPPROTO_UDP, coalescedBytesOption, coalescedMost);
    makeNonBlocking(socket_.get());
    if (count_ > 0 && ::WSAEventSelect(socket_.get(), arrived_.get(), FD_READ) != 0)
      failSocket("WSAEventSelect");
    arrivals_.reserve(count_);
  }

  Endpoint local() const override { return localEndpoint(socket_.get()); }
  std::size_t bufferBytes() const override { return count_ * arrivalStride; }

  SendOutcome send(const std::uint8_t* datagrams, std::size_t count, std::size_t length,
                   const Endpoint& to) override {
    assert(count >= 1 && count <= limits::burstDatagrams && count * length <= 65'000);
    const sockaddr_in address = socketAddress(to);
    if (count > 1 && segments_) {
      const int error = sendPatiently(datagrams, count * length, length, address);
      if (error == 0) return SendOutcome::sent;
      if (passing(error)) return SendOutcome::unreachable;
      segments_ = false; // this card's driver does not cut bursts: one datagram at a time from now on
    }
    for (std::size_t i = 0; i < count; ++i) {
      const int error = sendPatiently(datagrams + i * length, length, 0, address);
      if (error == 0) continue;
      if (passing(error)) return SendOutcome::unreachable;
      throw PortError(error, "WSASendMsg");
    }
    return SendOutcome::sent;
  }

  std::span<const Arrival> receive() override {
    arrivals_.clear();
    ::ResetEvent(arrived_.get()); // each receive that leaves something behind sets it again
    const std::size_t most = lastAverage_ >= coalescedBytes ? std::min(arrivalsFew, count_) : count_;
    std::size_t total = 0;
    std::size_t count = 0;
    for (; count < most; ++count) {
      const Arrival arrival = receiveOne(memory_.get() + count * arrivalStride);
      if (arrival.bytes == nullptr) break;
      total += arrival.length;
      if (arrival.length > 0) arrivals_.push_back(arrival);
    }
    if (count > 0) lastAverage_ = total / count;
    return arrivals_;
  }

  std::uint32_t backlogPerThousand() override {
    u_long waiting = 0;
    if (::ioctlsocket(socket_.get(), FIONREAD, &waiting) != 0) return 0;
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(1000, waiting * 1000ull / std::max(receiveBuffer_, 1ul)));
  }

  void wait(const Wakeup& wakeup, std::uint64_t timeout_us) override {
    HANDLE watched[3] = {eventOf(wakeup)};
    DWORD count = 1;
    if (count_ > 0) watched[count++] = arrived_.get();
    DWORD timeout_ms = static_cast<DWORD>(std::min<std::uint64_t>((timeout_us + 999) / 1000, INFINITE - 1));
    if (HANDLE timer = timer_.startedFor(timeout_us)) {
      watched[count++] = timer;
      timeout_ms = INFINITE;
    }
    ::WaitForMultipleObjects(count, watched, FALSE, timeout_ms);
  }

  void gather(std::uint64_t time_us) const override {
    if (receiveBuffer_ < gatherBufferBytes) return;
    // Nothing here says when a datagram came, so all of the time that it waits would count as the network's
    // delay, by which the sender paces. A plain sleep may last 16 ms.
    if (HANDLE timer = timer_.startedFor(std::min(time_us, gatherMost_us)))
      ::WaitForSingleObject(timer, INFINITE);
  }

private:
  struct Control {
    alignas(WSACMSGHDR) char bytes[WSA_CMSG_SPACE(sizeof(DWORD)) + WSA_CMSG_SPACE(sizeof(IN_PKTINFO))];
  };

  // Gives Winsock's error, 0 when it was sent. With `segmentBytes` the system cuts it.
  int sendPatiently(const std::uint8_t* bytes, std::size_t length, std::size_t segmentBytes,
                    const sockaddr_in& to) {
    const int error = sendOnce(bytes, length, segmentBytes, to);
    if (error != WSAEWOULDBLOCK) return error;
    fd_set sockets;
    FD_ZERO(&sockets);
    FD_SET(socket_.get(), &sockets);
    timeval most{0, sendWait_us};
    ::select(0, nullptr, &sockets, nullptr, &most);
    return sendOnce(bytes, length, segmentBytes, to);
  }

  int sendOnce(const std::uint8_t* bytes, std::size_t length, std::size_t segmentBytes,
               const sockaddr_in& to) {
    sockaddr_in address = to;
    WSABUF buffer{static_cast<ULONG>(length), reinterpret_cast<char*>(const_cast<std::uint8_t*>(bytes))};
    WSAMSG message{};
    message.name = reinterpret_cast<sockaddr*>(&address);
    message.namelen = sizeof address;
    message.lpBuffers = &buffer;
    message.dwBufferCount = 1;
    alignas(WSACMSGHDR) char control[WSA_CMSG_SPACE(sizeof(DWORD))] = {};
    if (segmentBytes > 0) {
      message.Control = {sizeof control, control};
      WSACMSGHDR* segment = WSA_CMSG_FIRSTHDR(&message);
      segment->cmsg_level = IPPROTO_UDP;
      segment->cmsg_type = segmentBytesOption;
      segment->cmsg_len = WSA_CMSG_LEN(sizeof(DWORD));
      const auto size = static_cast<DWORD>(segmentBytes);
      std::memcpy(WSA_CMSG_DATA(segment), &size, sizeof size);
    }
    DWORD sent = 0;
    return ::WSASendMsg(socket_.get(), &message, 0, &sent, nullptr, nullptr) == 0 ? 0 : ::WSAGetLastError();
  }

  // `bytes` is null when nothing waits; the length 0 for what is to be left out.
  Arrival receiveOne(std::uint8_t* memory) {
    WSABUF buffer{static_cast<ULONG>(arrivalBytes), reinterpret_cast<char*>(memory)};
    sockaddr_in from{};
    Control control;
    WSAMSG message{};
    message.name = reinterpret_cast<sockaddr*>(&from);
    message.namelen = sizeof from;
    message.lpBuffers = &buffer;
    message.dwBufferCount = 1;
    message.Control = {sizeof control.bytes, control.bytes};
    DWORD length = 0;
    if (receiveMessage_(socket_.get(), &message, &length, nullptr, nullptr) != 0) {
      const int error = ::WSAGetLastError();
      if (error == WSAEWOULDBLOCK) return {nullptr, 0, 0, 0};
      if (error != WSAEMSGSIZE && !passing(error)) throw PortError(error, "WSARecvMsg");
      return {memory, 0, 0, 0};
    }
    const auto bytes = static_cast<std::uint32_t>(length);
    if ((message.dwFlags & MSG_TRUNC) != 0) return {memory, 0, 0, 0};
    return readControl(message, {memory, bytes, bytes, 0});
  }

  // How datagrams were coalesced, and to which address they were sent: bound to a port and not to a group, as
  // Windows has it, the socket also hears what is sent to the machine itself.
  Arrival readControl(WSAMSG& message, Arrival arrival) const {
    for (WSACMSGHDR* part = WSA_CMSG_FIRSTHDR(&message); part != nullptr;
         part = WSA_CMSG_NXTHDR(&message, part)) {
      if (part->cmsg_level == IPPROTO_UDP && part->cmsg_type == coalescedBytesOption) {
        DWORD size = 0;
        std::memcpy(&size, WSA_CMSG_DATA(part), sizeof size);
        if (size > 0) arrival.datagramBytes = size;
      } else if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
        IN_PKTINFO to;
        std::memcpy(&to, WSA_CMSG_DATA(part), sizeof to);
        if (group_ != 0 && to.ipi_addr.s_addr != group_) arrival.length = 0;
      }
    }
    return arrival;
  }

  SocketHandle socket_;
  const std::size_t count_; // buffers for arrivals
  const u_long group_;      // in network byte order
  const LPFN_WSARECVMSG receiveMessage_;
  bool segments_ = false;
  DWORD receiveBuffer_ = 0;
  std::size_t lastAverage_ = 0;
  Handle arrived_ = makeEvent();
  PreciseTimer timer_;
  std::unique_ptr<std::uint8_t[]> memory_; // touched where something arrives
  std::vector<Arrival> arrivals_;
};

void bindTo(SOCKET socket, const Endpoint& at) {
  const sockaddr_in address = socketAddress(at);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) failSocket("bind");
}

void enlargeReceiveBuffer(SOCKET socket) {
  for (DWORD bytes = receiveBufferBytes; bytes >= receiveBufferBytesLeast; bytes /= 2) {
    if (attemptOption(socket, SOL_SOCKET, SO_RCVBUF, bytes)) return;
  }
}

} // namespace

std::unique_ptr<DatagramSocket> openSenderSocket(const SenderSocketOptions& options) {
  SocketHandle socket = openSocket(SOCK_DGRAM, IPPROTO_UDP);
  bindTo(socket.get(), {options.interfaceAddress, options.port});
  setOption(socket.get(), IPPROTO_IP, IP_MULTICAST_IF, htonl(options.interfaceAddress), "IP_MULTICAST_IF");
  setOption(socket.get(), IPPROTO_IP, IP_MULTICAST_TTL, options.timeToLive, "IP_MULTICAST_TTL");
  setOption(socket.get(), IPPROTO_IP, IP_MULTICAST_LOOP, 1, "IP_MULTICAST_LOOP");
  setOption(socket.get(), IPPROTO_IP, IP_DONTFRAGMENT, 1, "IP_DONTFRAGMENT");
  attemptOption(socket.get(), SOL_SOCKET, SO_SNDBUF, sendBufferBytes);
  enlargeReceiveBuffer(socket.get());
  return std::make_unique<WindowsDatagramSocket>(std::move(socket), Receiving{arrivalsMany, 0});
}

std::unique_ptr<DatagramSocket> joinGroup(const GroupSocketOptions& options) {
  SocketHandle socket = openSocket(SOCK_DGRAM, IPPROTO_UDP);
  setOption(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  bindTo(socket.get(), {INADDR_ANY, options.group.port});
  enlargeReceiveBuffer(socket.get());
  setOption(socket.get(), IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO");
  ip_mreq membership{};
  membership.imr_multiaddr.s_addr = htonl(options.group.address);
  membership.imr_interface.s_addr = htonl(options.interfaceAddress);
  if (::setsockopt(socket.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, reinterpret_cast<const char*>(&membership),
                   sizeof membership) != 0)
    failSocket("IP_ADD_MEMBERSHIP");
  return std::make_unique<WindowsDatagramSocket>(std::move(socket),
                                                 Receiving{arrivalsMany, options.group.address});
}

std::unique_ptr<DatagramSocket> openReportSocket(std::uint32_t interfaceAddress) {
  SocketHandle socket = openSocket(SOCK_DGRAM, IPPROTO_UDP);
  bindTo(socket.get(), {interfaceAddress, 0});
  setOption(socket.get(), IPPROTO_IP, IP_DONTFRAGMENT, 1, "IP_DONTFRAGMENT");
  return std::make_unique<WindowsDatagramSocket>(std::move(socket), Receiving{});
}

} // namespace volley
