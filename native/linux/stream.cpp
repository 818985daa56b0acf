#include "port/stream.h"
#include "linux/descriptor.h"
#include "linux/internet_address.h"
#include "linux/wakeup.h"
#include <csignal>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <vector>

namespace volley {
namespace {

constexpr int waitingConnections = 256;

// sendfile has no flag against the signal that a closed peer raises, so the threads that use it block it.
bool blockPipeSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  return ::pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0;
}

class LinuxServedFile final : public ServedFile {
public:
  LinuxServedFile(Descriptor descriptor, std::uint64_t bytes) : descriptor_(std::move(descriptor)), bytes_(bytes) {}
  std::uint64_t bytes() const override { return bytes_; }
  int descriptor() const { return descriptor_.get(); }

private:
  Descriptor descriptor_;
  std::uint64_t bytes_;
};

Transfer transferred(ssize_t bytes) {
  if (bytes > 0) return {Transfer::State::moved, static_cast<std::size_t>(bytes)};
  if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return {Transfer::State::wouldWait, 0};
  return {Transfer::State::closed, 0};
}

class LinuxStream final : public Stream {
public:
  explicit LinuxStream(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  int descriptor() const { return descriptor_.get(); }

  Transfer::State connected() override {
    pollfd watched{descriptor_.get(), POLLOUT, 0};
    if (::poll(&watched, 1, 0) <= 0) return Transfer::State::wouldWait;
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(descriptor_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0)
      return Transfer::State::closed;
    return Transfer::State::moved;
  }

  Transfer read(std::span<std::uint8_t> out) override {
    return transferred(::recv(descriptor_.get(), out.data(), out.size(), MSG_DONTWAIT));
  }

  Transfer write(std::span<const std::uint8_t> bytes) override {
    return transferred(::send(descriptor_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  Transfer write(const ServedFile& file, std::uint64_t offset, std::size_t bytes) override {
    static thread_local const bool blocked = blockPipeSignal();
    if (!blocked) return {Transfer::State::closed, 0};
    off_t from = static_cast<off_t>(offset);
    return transferred(::sendfile(descriptor_.get(), static_cast<const LinuxServedFile&>(file).descriptor(), &from,
                                  bytes));
  }

private:
  Descriptor descriptor_;
};

class LinuxListener final : public StreamListener {
public:
  explicit LinuxListener(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  int descriptor() const { return descriptor_.get(); }
  std::uint16_t port() const override { return localEndpoint(descriptor_.get()).port; }

  std::unique_ptr<Stream> accept() override {
    Descriptor stream(::accept4(descriptor_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (stream.get() < 0) return nullptr;
    const int one = 1;
    ::setsockopt(stream.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return std::make_unique<LinuxStream>(std::move(stream));
  }

private:
  Descriptor descriptor_;
};

Descriptor openTcp() {
  Descriptor descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (descriptor.get() < 0) fail("socket");
  return descriptor;
}

} // namespace

std::unique_ptr<ServedFile> openServedFile(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) fail("open");
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) fail("fstat");
  if (!S_ISREG(status.st_mode)) throw PortError(EINVAL, "open");
  return std::make_unique<LinuxServedFile>(std::move(descriptor), static_cast<std::uint64_t>(status.st_size));
}

std::unique_ptr<Stream> connectStream(const Endpoint& to) {
  Descriptor descriptor = openTcp();
  const sockaddr_in address = socketAddress(to);
  const int one = 1;
  ::setsockopt(descriptor.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  // A refusal at once is seen by `connected` like one that comes later.
  if (::connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS)
    fail("connect");
  return std::make_unique<LinuxStream>(std::move(descriptor));
}

std::unique_ptr<StreamListener> listenForStreams(const Endpoint& at) {
  Descriptor descriptor = openTcp();
  const int one = 1;
  if (::setsockopt(descriptor.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) fail("SO_REUSEADDR");
  const sockaddr_in address = socketAddress(at);
  if (::bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(descriptor.get(), waitingConnections) != 0) fail("listen");
  return std::make_unique<LinuxListener>(std::move(descriptor));
}

bool waitForStreams(std::span<StreamInterest> interests, const StreamListener* listener, const Wakeup& wakeup,
                    std::uint32_t timeout_ms) {
  std::vector<pollfd> watched;
  watched.reserve(interests.size() + 2);
  for (const StreamInterest& interest : interests) {
    const int events = (interest.read ? POLLIN : 0) | (interest.write ? POLLOUT : 0);
    watched.push_back({static_cast<LinuxStream*>(interest.stream)->descriptor(), static_cast<short>(events), 0});
  }
  watched.push_back({descriptorOf(wakeup), POLLIN, 0});
  if (listener) watched.push_back({static_cast<const LinuxListener*>(listener)->descriptor(), POLLIN, 0});
  const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(timeout_ms));
  for (std::size_t i = 0; i < interests.size(); ++i) interests[i].ready = ready > 0 && watched[i].revents != 0;
  return ready > 0 && listener != nullptr && watched.back().revents != 0;
}

} // namespace volley
