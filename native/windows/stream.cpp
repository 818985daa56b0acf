#include "port/stream.h"
#include "windows/text.h"
#include "windows/winsock.h"
#include <algorithm>
#include <vector>

namespace volley {
namespace {

constexpr int waitingConnections = 256;
constexpr std::size_t fileTurnBytes = 64 * 1024; // of a served file, from the system's cache to a socket

class WindowsServedFile final : public ServedFile {
public:
  WindowsServedFile(Handle file, std::uint64_t bytes) : file_(std::move(file)), bytes_(bytes) {}
  std::uint64_t bytes() const override { return bytes_; }
  HANDLE file() const { return file_.get(); }

private:
  Handle file_;
  std::uint64_t bytes_;
};

Transfer transferred(int bytes) {
  if (bytes > 0) return {Transfer::State::moved, static_cast<std::size_t>(bytes)};
  if (bytes < 0 && ::WSAGetLastError() == WSAEWOULDBLOCK) return {Transfer::State::wouldWait, 0};
  return {Transfer::State::closed, 0};
}

int sizeOf(std::size_t bytes) {
  return static_cast<int>(std::min<std::size_t>(bytes, 1 << 30));
}

class WindowsStream final : public Stream {
public:
  explicit WindowsStream(SocketHandle socket) : socket_(std::move(socket)) {}
  SOCKET socket() const { return socket_.get(); }

  Transfer::State connected() override {
    // A refusal shows among the exceptions; WSAPoll does not tell of it before Windows 10 2004.
    fd_set writable, failed;
    FD_ZERO(&writable);
    FD_ZERO(&failed);
    FD_SET(socket_.get(), &writable);
    FD_SET(socket_.get(), &failed);
    timeval now{};
    if (::select(0, nullptr, &writable, &failed, &now) <= 0) return Transfer::State::wouldWait;
    return FD_ISSET(socket_.get(), &failed) ? Transfer::State::closed : Transfer::State::moved;
  }

  Transfer read(std::span<std::uint8_t> out) override {
    return transferred(::recv(socket_.get(), reinterpret_cast<char*>(out.data()), sizeOf(out.size()), 0));
  }

  Transfer write(std::span<const std::uint8_t> bytes) override {
    return transferred(
        ::send(socket_.get(), reinterpret_cast<const char*>(bytes.data()), sizeOf(bytes.size()), 0));
  }

  Transfer write(const ServedFile& file, std::uint64_t offset, std::size_t bytes) override {
    std::uint8_t turn[fileTurnBytes];
    OVERLAPPED at{};
    at.Offset = static_cast<DWORD>(offset);
    at.OffsetHigh = static_cast<DWORD>(offset >> 32);
    DWORD got = 0;
    const auto wanted = static_cast<DWORD>(std::min(bytes, sizeof turn));
    const HANDLE from = static_cast<const WindowsServedFile&>(file).file();
    if (::ReadFile(from, turn, wanted, &got, &at) == 0 || got == 0) return {Transfer::State::closed, 0};
    return write(std::span<const std::uint8_t>(turn, got));
  }

private:
  SocketHandle socket_;
};

class WindowsListener final : public StreamListener {
public:
  explicit WindowsListener(SocketHandle socket) : socket_(std::move(socket)) {}
  SOCKET socket() const { return socket_.get(); }
  std::uint16_t port() const override { return localEndpoint(socket_.get()).port; }

  std::unique_ptr<Stream> accept() override {
    SocketHandle stream(::accept(socket_.get(), nullptr, nullptr));
    if (stream.get() == INVALID_SOCKET) return nullptr;
    ::WSAEventSelect(stream.get(), nullptr, 0); // inherited from the listener
    makeNonBlocking(stream.get());
    attemptOption(stream.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    return std::make_unique<WindowsStream>(std::move(stream));
  }

private:
  SocketHandle socket_;
};

long eventsOf(const StreamInterest& interest) {
  return FD_CLOSE | (interest.read ? FD_READ : 0) | (interest.write ? FD_WRITE | FD_CONNECT : 0);
}

bool isReady(SOCKET socket, bool read, bool write) {
  const short events = static_cast<short>((read ? POLLRDNORM : 0) | (write ? POLLWRNORM : 0));
  WSAPOLLFD state{socket, events, 0};
  WSANETWORKEVENTS happened{};
  ::WSAEnumNetworkEvents(socket, nullptr, &happened);
  const long refused = happened.iErrorCode[FD_CONNECT_BIT] != 0 ? FD_CONNECT : 0;
  return (::WSAPoll(&state, 1, 0) > 0 && state.revents != 0) ||
         (happened.lNetworkEvents & (FD_CLOSE | refused)) != 0;
}

} // namespace

std::unique_ptr<ServedFile> openServedFile(const std::string& path) {
  Handle file(::CreateFileW(wide(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                            OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file) fail("CreateFile");
  LARGE_INTEGER size{};
  if (::GetFileSizeEx(file.get(), &size) == 0) fail("GetFileSizeEx");
  return std::make_unique<WindowsServedFile>(std::move(file), static_cast<std::uint64_t>(size.QuadPart));
}

std::unique_ptr<Stream> connectStream(const Endpoint& to) {
  SocketHandle socket = openSocket(SOCK_STREAM, IPPROTO_TCP);
  makeNonBlocking(socket.get());
  attemptOption(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  const sockaddr_in address = socketAddress(to);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      ::WSAGetLastError() != WSAEWOULDBLOCK)
    failSocket("connect");
  return std::make_unique<WindowsStream>(std::move(socket));
}

std::unique_ptr<StreamListener> listenForStreams(const Endpoint& at) {
  SocketHandle socket = openSocket(SOCK_STREAM, IPPROTO_TCP);
  makeNonBlocking(socket.get());
  // Unlike elsewhere, without it another program could take the same port.
  setOption(socket.get(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1, "SO_EXCLUSIVEADDRUSE");
  const sockaddr_in address = socketAddress(at);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    failSocket("bind");
  if (::listen(socket.get(), waitingConnections) != 0) failSocket("listen");
  return std::make_unique<WindowsListener>(std::move(socket));
}

bool waitForStreams(std::span<StreamInterest> interests, const StreamListener* listener, const Wakeup& wakeup,
                    std::uint32_t timeout_ms) {
  static thread_local const Handle something = makeEvent();
  ::ResetEvent(something.get());
  // First the events, then a look: what happens after the look sets the event.
  const SOCKET listening =
      listener ? static_cast<const WindowsListener*>(listener)->socket() : INVALID_SOCKET;
  for (const StreamInterest& interest : interests)
    ::WSAEventSelect(static_cast<WindowsStream*>(interest.stream)->socket(), something.get(),
                     eventsOf(interest));
  if (listener) ::WSAEventSelect(listening, something.get(), FD_ACCEPT);

  bool accepts = false;
  const auto look = [&] {
    bool any = false;
    for (StreamInterest& interest : interests) {
      const SOCKET socket = static_cast<WindowsStream*>(interest.stream)->socket();
      interest.ready = interest.ready || isReady(socket, interest.read, interest.write);
      any = any || interest.ready;
    }
    accepts = listener != nullptr && isReady(listening, true, false);
    return any || accepts;
  };
  for (StreamInterest& interest : interests)
    interest.ready = false;
  const HANDLE watched[] = {eventOf(wakeup), something.get()};
  if (!look() && ::WaitForMultipleObjects(2, watched, FALSE, timeout_ms) == WAIT_OBJECT_0 + 1) look();
  return accepts;
}

} // namespace volley
