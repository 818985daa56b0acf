#include "core/limits.h"
#include "linux/descriptor.h"
#include "linux/internet_address.h"
#include "linux/wakeup.h"
#include <algorithm>
#include <cassert>
#include <cstring>
#include <ctime>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <vector>

namespace volley {
namespace {

// A coalesced arrival is at most a UDP payload long. The buffers lie a little more than that apart: at exactly
// 64 KiB, the beginnings of all of them, which is all that single datagrams use, would share a few cache lines' sets.
constexpr std::size_t arrivalBytes = 65536;
constexpr std::size_t arrivalStride = arrivalBytes + 1536;
// Many buffers for single datagrams; few where they come coalesced, so that the bytes are still in the cache when
// they are checked.
constexpr std::size_t arrivalsMany = 64;
constexpr std::size_t arrivalsFew = 8;
constexpr std::size_t coalescedBytes = 16384;
constexpr int receiveBufferBytes = 24 << 20; // less than the slots hold, or repairs would queue for too long
constexpr int receiveBufferBytesLeast = 1 << 16;
constexpr int sendBufferBytes = 4 << 20;
constexpr long sendWait_us = 100'000;
// The date may be set while something waits.
constexpr std::int64_t ageMost_us = 1'000'000;
constexpr int gatherBufferBytes = 4 << 20;

void set(int socket, int level, int option, int value, const char* name) {
  if (::setsockopt(socket, level, option, &value, sizeof value) != 0) throw PortError(errno, name);
}

// Where the answer does not matter: an older system, or one that does not permit it.
bool attempt(int socket, int level, int option, int value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

bool passing(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM ||
         error == ENETUNREACH || error == EHOSTUNREACH || error == ENETDOWN || error == ENODEV ||
         error == EADDRNOTAVAIL || error == EPERM || error == EACCES || error == ECONNREFUSED;
}

enum class Receiving { nothing, plain, coalesced };

class LinuxDatagramSocket final : public DatagramSocket {
public:
  LinuxDatagramSocket(Descriptor descriptor, Receiving receiving)
      : descriptor_(std::move(descriptor)), count_(receiving == Receiving::nothing ? 0 : arrivalsMany),
        memory_(std::make_unique_for_overwrite<std::uint8_t[]>(bufferBytes())), buffers_(count_), vectors_(count_), controls_(count_) {
    if (receiving == Receiving::coalesced) {
      attempt(descriptor_.get(), IPPROTO_UDP, UDP_GRO, 1);
      attempt(descriptor_.get(), SOL_SOCKET, SO_TIMESTAMPNS, 1);
    }
    socklen_t length = sizeof receiveBuffer_;
    ::getsockopt(descriptor_.get(), SOL_SOCKET, SO_RCVBUF, &receiveBuffer_, &length);
    arrivals_.reserve(count_);
  }

  Endpoint local() const override { return localEndpoint(descriptor_.get()); }
  std::size_t bufferBytes() const override { return count_ * arrivalStride; }

  SendOutcome send(const std::uint8_t* datagrams, std::size_t count, std::size_t length,
                   const Endpoint& to) override {
    assert(count >= 1 && count <= limits::burstDatagrams && count * length <= 65'000);
    if (count > 1 && segments_) {
      const int error = sendSegmented(datagrams, count, length, to);
      if (error == 0) return SendOutcome::sent;
      if (passing(error)) return SendOutcome::unreachable;
      // This kernel or device does not cut bursts: one datagram at a time from now on.
      segments_ = false;
    }
    return sendSingly(datagrams, count, length, to);
  }

  std::span<const Arrival> receive() override {
    arrivals_.clear();
    const std::size_t most = lastAverage_ >= coalescedBytes ? std::min(arrivalsFew, count_) : count_;
    for (std::size_t i = 0; i < most; ++i) {
      vectors_[i] = {memory_.get() + i * arrivalStride, arrivalBytes};
      msghdr& header = buffers_[i].msg_hdr;
      header = {};
      header.msg_iov = &vectors_[i];
      header.msg_iovlen = 1;
      header.msg_control = controls_[i].bytes;
      header.msg_controllen = sizeof controls_[i].bytes;
    }
    const int count = ::recvmmsg(descriptor_.get(), buffers_.data(), static_cast<unsigned>(most), MSG_DONTWAIT,
                                 nullptr);
    if (count <= 0) {
      if (count < 0 && errno != EAGAIN && errno != EINTR && !passing(errno)) fail("recvmmsg");
      return {};
    }
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now); // the clock of the kernel's stamps
    std::size_t total = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      const std::uint32_t length = buffers_[i].msg_len;
      total += length;
      if (length == 0 || (buffers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
      arrivals_.push_back({memory_.get() + i * arrivalStride, length, length, 0});
      readControl(buffers_[i].msg_hdr, now, arrivals_.back());
    }
    lastAverage_ = total / static_cast<std::size_t>(count);
    return arrivals_;
  }

  std::uint32_t backlogPerThousand() override {
    std::uint32_t memory[SK_MEMINFO_VARS] = {};
    socklen_t length = sizeof memory;
    if (::getsockopt(descriptor_.get(), SOL_SOCKET, SO_MEMINFO, memory, &length) != 0) return 0;
    // Whatever was dropped since the last look did not find room.
    const bool overflowed = memory[SK_MEMINFO_DROPS] != drops_;
    drops_ = memory[SK_MEMINFO_DROPS];
    if (overflowed) return 1000;
    const std::uint64_t size = std::max<std::uint64_t>(memory[SK_MEMINFO_RCVBUF], 1);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(1000, memory[SK_MEMINFO_RMEM_ALLOC] * 1000ull / size));
  }

  void wait(const Wakeup& wakeup, std::uint64_t timeout_us) override {
    // What nobody receives must not end a wait.
    const int receiving = count_ > 0 ? descriptor_.get() : -1;
    pollfd watched[2] = {{receiving, POLLIN, 0}, {descriptorOf(wakeup), POLLIN, 0}};
    const timespec time{static_cast<time_t>(timeout_us / 1'000'000),
                        static_cast<long>(timeout_us % 1'000'000 * 1000)};
    ::ppoll(watched, 2, &time, nullptr);
  }

  void gather(std::uint64_t time_us) const override {
    if (receiveBuffer_ < gatherBufferBytes) return;
    const timespec time{static_cast<time_t>(time_us / 1'000'000), static_cast<long>(time_us % 1'000'000 * 1000)};
    ::nanosleep(&time, nullptr);
  }

private:
  // The segment's size for one call.
  int sendSegmented(const std::uint8_t* datagrams, std::size_t count, std::size_t length, const Endpoint& to) {
    sockaddr_in address = socketAddress(to);
    iovec vector{const_cast<std::uint8_t*>(datagrams), count * length};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(std::uint16_t))] = {};
    msghdr header{};
    header.msg_name = &address;
    header.msg_namelen = sizeof address;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* segment = CMSG_FIRSTHDR(&header);
    segment->cmsg_level = IPPROTO_UDP;
    segment->cmsg_type = UDP_SEGMENT;
    segment->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto size = static_cast<std::uint16_t>(length);
    std::memcpy(CMSG_DATA(segment), &size, sizeof size);
    while (::sendmsg(descriptor_.get(), &header, MSG_NOSIGNAL) < 0) {
      if (errno != EINTR) return errno;
    }
    return 0;
  }

  SendOutcome sendSingly(const std::uint8_t* datagrams, std::size_t count, std::size_t length, const Endpoint& to) {
    sockaddr_in address = socketAddress(to);
    iovec vectors[limits::burstDatagrams];
    mmsghdr messages[limits::burstDatagrams] = {};
    for (std::size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<std::uint8_t*>(datagrams + i * length), length};
      messages[i].msg_hdr.msg_name = &address;
      messages[i].msg_hdr.msg_namelen = sizeof address;
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (std::size_t done = 0; done < count;) {
      const int sent = ::sendmmsg(descriptor_.get(), messages + done, static_cast<unsigned>(count - done),
                                  MSG_NOSIGNAL);
      if (sent > 0) done += static_cast<std::size_t>(sent);
      else if (errno == EINTR) continue;
      else if (passing(errno)) return SendOutcome::unreachable;
      else fail("sendmmsg");
    }
    return SendOutcome::sent;
  }

  // What the kernel says beside the bytes: how they were coalesced, and when they came.
  static void readControl(msghdr& header, const timespec& now, Arrival& arrival) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
      if (part->cmsg_level == IPPROTO_UDP && part->cmsg_type == UDP_GRO) {
        int size = 0;
        std::memcpy(&size, CMSG_DATA(part), sizeof size);
        if (size > 0) arrival.datagramBytes = static_cast<std::uint32_t>(size);
      } else if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
        timespec came{};
        std::memcpy(&came, CMSG_DATA(part), sizeof came);
        const std::int64_t age_us = (now.tv_sec - came.tv_sec) * 1'000'000 + (now.tv_nsec - came.tv_nsec) / 1000;
        arrival.age_us = static_cast<std::uint32_t>(std::clamp<std::int64_t>(age_us, 0, ageMost_us));
      }
    }
  }

  struct Control {
    alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(timespec))];
  };

  Descriptor descriptor_;
  std::uint32_t drops_ = 0;
  std::size_t count_; // buffers for arrivals
  bool segments_ = true;
  int receiveBuffer_ = 0;
  std::size_t lastAverage_ = 0;
  std::unique_ptr<std::uint8_t[]> memory_; // touched where something arrives
  std::vector<mmsghdr> buffers_;
  std::vector<iovec> vectors_;
  std::vector<Control> controls_;
  std::vector<Arrival> arrivals_;
};

Descriptor openUdp() {
  Descriptor descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
  if (descriptor.get() < 0) fail("socket");
  return descriptor;
}

void bindTo(int socket, const Endpoint& at) {
  const sockaddr_in address = socketAddress(at);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
}

// The administrator's limit does not hold for a privileged process; otherwise as much as it permits.
void enlargeReceiveBuffer(int socket) {
  if (attempt(socket, SOL_SOCKET, SO_RCVBUFFORCE, receiveBufferBytes)) return;
  for (int bytes = receiveBufferBytes; bytes >= receiveBufferBytesLeast; bytes /= 2) {
    if (attempt(socket, SOL_SOCKET, SO_RCVBUF, bytes)) return;
  }
}

void boundSending(int socket) {
  const timeval wait{0, sendWait_us};
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0) fail("SO_SNDTIMEO");
  // Sets "do not fragment" and refuses what is longer than the interface's MTU.
  set(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, "IP_MTU_DISCOVER");
}

} // namespace

std::optional<std::uint32_t> parseAddress(const std::string& dotted) {
  in_addr address{};
  if (::inet_pton(AF_INET, dotted.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

Endpoint localEndpoint(int descriptor) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) fail("getsockname");
  return {ntohl(address.sin_addr.s_addr), ntohs(address.sin_port)};
}

std::unique_ptr<DatagramSocket> openSenderSocket(const SenderSocketOptions& options) {
  Descriptor descriptor = openUdp();
  const int socket = descriptor.get();
  bindTo(socket, {options.interfaceAddress, options.port});
  const in_addr interfaceAddress{htonl(options.interfaceAddress)};
  if (::setsockopt(socket, IPPROTO_IP, IP_MULTICAST_IF, &interfaceAddress, sizeof interfaceAddress) != 0)
    fail("IP_MULTICAST_IF");
  set(socket, IPPROTO_IP, IP_MULTICAST_TTL, options.timeToLive, "IP_MULTICAST_TTL");
  set(socket, IPPROTO_IP, IP_MULTICAST_LOOP, 1, "IP_MULTICAST_LOOP");
  boundSending(socket);
  if (!attempt(socket, SOL_SOCKET, SO_SNDBUFFORCE, sendBufferBytes))
    attempt(socket, SOL_SOCKET, SO_SNDBUF, sendBufferBytes);
  enlargeReceiveBuffer(socket);
  return std::make_unique<LinuxDatagramSocket>(std::move(descriptor), Receiving::plain);
}

std::unique_ptr<DatagramSocket> joinGroup(const GroupSocketOptions& options) {
  Descriptor descriptor = openUdp();
  const int socket = descriptor.get();
  set(socket, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  // Bound to the group's address, it hears no other group that someone on this machine has joined.
  bindTo(socket, options.group);
  attempt(socket, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  enlargeReceiveBuffer(socket);
  ip_mreq membership{};
  membership.imr_multiaddr.s_addr = htonl(options.group.address);
  membership.imr_interface.s_addr = htonl(options.interfaceAddress);
  if (::setsockopt(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) != 0)
    fail("IP_ADD_MEMBERSHIP");
  return std::make_unique<LinuxDatagramSocket>(std::move(descriptor), Receiving::coalesced);
}

std::unique_ptr<DatagramSocket> openReportSocket(std::uint32_t interfaceAddress) {
  Descriptor descriptor = openUdp();
  bindTo(descriptor.get(), {interfaceAddress, 0});
  boundSending(descriptor.get());
  return std::make_unique<LinuxDatagramSocket>(std::move(descriptor), Receiving::nothing);
}

} // namespace volley
