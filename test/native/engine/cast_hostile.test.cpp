// Datagrams that are none of the session's, wrong keys, replays and forged sender starts; a sender that begins again;
// content that is not what the manifest says. `cast_hostile [seed]`.
#include "cast_room.h"
#include "port/socket.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace volley_test;

namespace {

// Someone on the network who can send to the group and to the sender.
class Stranger {
public:
  Stranger() : socket_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    in_addr local{htonl(INADDR_LOOPBACK)};
    CHECK(::setsockopt(socket_, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local) == 0);
  }
  ~Stranger() { ::close(socket_); }
  void send(const std::string& address, std::uint16_t port, const Bytes& datagram) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
    ::sendto(socket_, datagram.data(), datagram.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }

private:
  int socket_;
};

// Hears what the group hears.
class Listener {
public:
  explicit Listener(const CastRoom& room) {
    const auto group = volley::parseAddress(room.group());
    socket_ = volley::joinGroup({{*group, room.port()}, INADDR_LOOPBACK});
    wakeup_ = volley::makeWakeup();
  }
  std::vector<Bytes> hear() {
    std::vector<Bytes> heard;
    socket_->wait(*wakeup_, 5'000);
    for (const volley::Arrival& arrival : socket_->receive())
      for (std::uint32_t at = 0; at < arrival.length; at += arrival.datagramBytes)
        heard.emplace_back(arrival.bytes + at, arrival.bytes + std::min(at + arrival.datagramBytes, arrival.length));
    return heard;
  }

private:
  std::unique_ptr<volley::DatagramSocket> socket_;
  std::unique_ptr<volley::Wakeup> wakeup_;
};

// What a stranger makes out of a datagram he has heard.
Bytes forge(Bytes datagram, std::mt19937_64& random) {
  switch (random() % 8) {
    case 0: return datagram; // a replay
    case 1: datagram[40 + random() % (datagram.size() - 40)] ^= 1; return datagram;
    case 2: datagram[8] = static_cast<std::uint8_t>(2 + random() % 100); return datagram; // a higher start
    case 3: datagram[4] ^= 1; return datagram;                                             // another session
    case 4: datagram[12 + random() % 8] ^= 1; return datagram;                             // another counter
    case 5: datagram.resize(random() % datagram.size()); return datagram;
    case 6: datagram[1] = static_cast<std::uint8_t>(random() % 5); return datagram;
    default: break;
  }
  Bytes garbage(1 + random() % 2000);
  for (std::uint8_t& byte : garbage) byte = static_cast<std::uint8_t>(random());
  return garbage;
}

void flooded(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  auto options = room.casterOptions();
  options.rateBytesPerSecond = 30'000'000;
  const auto caster = room.cast(options);
  const auto receiver = CastRoom::receive(room.receiverOptions(1, room.disk("disk", 0x11)));
  Listener listener(room);
  Stranger stranger;
  std::uint64_t forged = 0;
  while (receiver->ending.code() == "running") {
    for (const Bytes& datagram : listener.hear()) {
      if (datagram.size() < 60) continue;
      for (int i = 0; i < 10; ++i, ++forged) stranger.send(room.group(), room.port(), forge(datagram, random));
      stranger.send("127.0.0.1", caster->caster->feedbackPort(), forge(datagram, random));
    }
  }
  CHECK(receiver->finishes());
  CHECK(room.holds(room.at("disk"), image));
  CHECK(receiver->statistics().refusedDatagrams > 100);
  CHECK(caster->caster->statistics().reportsRefused > 100);
  CHECK(caster->ending.code() == "running");
  std::printf("%llu forged, %llu refused by the receiver, %llu by the sender\n", static_cast<unsigned long long>(forged),
              static_cast<unsigned long long>(receiver->statistics().refusedDatagrams),
              static_cast<unsigned long long>(caster->caster->statistics().reportsRefused));
}

// A receiver without the session's key hears nothing; one whose own key is wrong is not heard.
void wrongKeys(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  const auto caster = room.cast(room.casterOptions());
  auto deaf = room.receiverOptions(1, std::nullopt);
  deaf.sessionKey[5] ^= 1;
  deaf.unicast.reset();
  auto mute = room.receiverOptions(2, std::nullopt);
  mute.receiverKey[5] ^= 1;
  mute.silence_ms = 100;
  const auto one = CastRoom::receive(deaf);
  const auto two = CastRoom::receive(mute);
  CHECK(!one->ending.wait(1500ms));
  CHECK(one->statistics().chunksByMulticast == 0 && one->statistics().refusedDatagrams > 0);
  CHECK(two->ending.code() == "running" || two->statistics().chunksByUnicast == 0);
  CHECK(caster->caster->statistics().reportsRefused > 0 && caster->caster->statistics().unicastBytes == 0);
  one->session->cancel();
  two->session->cancel();
  CHECK(one->ending.wait(60s) && one->ending.code() == "E_CANCELLED");
}

// The sender goes away in the middle and comes back with a higher start, as the site does after a crash.
void restarted(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  auto options = room.casterOptions(1);
  options.rateBytesPerSecond = 30'000'000;
  auto caster = room.cast(options);
  options.feedbackPort = caster->caster->feedbackPort();
  options.unicastPort = caster->caster->unicastPort();
  const auto one = CastRoom::receive(room.receiverOptions(1, room.disk("disk1", 0x33)));
  auto lossy = room.receiverOptions(2, room.disk("disk2", 0x44));
  lossy.lossPerMillion = 20'000;
  const auto two = CastRoom::receive(lossy);
  for (std::uint32_t start = 2; start <= 4; ++start) {
    while (one->statistics().chunksPresent < one->statistics().chunksTotal * (start - 1) / 4 &&
           one->ending.code() == "running")
      std::this_thread::sleep_for(2ms);
    caster.reset();
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
    options.start = start;
    caster = room.cast(options);
  }
  CHECK(one->finishes() && two->finishes());
  CHECK(room.holds(room.at("disk1"), image) && room.holds(room.at("disk2"), image));
}

// One byte of the stored content is not what it was: the chunk is refused however it comes, and nothing of it is
// written.
void tampered(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  const std::uint64_t middle = room.contentBytes() / 2;
  flipByte(room.at("content"), middle);
  const auto caster = room.cast(room.casterOptions());
  const auto receiver = CastRoom::receive(room.receiverOptions(1, room.disk("disk", 0x66)));
  CHECK(receiver->ending.wait(30s));
  CHECK(receiver->ending.code() == "E_CONTENT_CORRUPT");
  const auto error = receiver->ending.error();
  CHECK(error && error->chunk >= 0);
  if (!error || error->chunk < 0) return;
  const Bytes disk = readFile(room.at("disk"));
  const auto offset = static_cast<std::size_t>(error->chunk) << 20;
  CHECK(std::all_of(disk.begin() + static_cast<std::ptrdiff_t>(offset),
                    disk.begin() + static_cast<std::ptrdiff_t>(std::min(offset + (1 << 20), image.size())),
                    [](std::uint8_t byte) { return byte == 0x66 || byte == 0; }));
  // Without unicast it ends too, after a bounded number of tries.
  auto alone = room.receiverOptions(2, room.disk("disk2", 0x66));
  alone.unicast.reset();
  const auto other = CastRoom::receive(alone);
  CHECK(other->ending.wait(60s) && other->ending.code() == "E_CONTENT_CORRUPT");
}

void unreadable(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  auto options = room.casterOptions();
  options.contentPath = room.at("none");
  CHECK(errorOf([&] { room.cast(options); }).code == "E_CONTENT_READ");
  std::filesystem::resize_file(room.at("content"), room.contentBytes() - 1);
  CHECK(errorOf([&] { room.cast(room.casterOptions()); }).code == "E_CONTENT_READ");
  options = room.casterOptions();
  options.manifest[200] ^= 1;
  CHECK(errorOf([&] { room.cast(options); }).code == "E_MANIFEST_INVALID");
  // Cut short while it is being sent: the sender ends by itself and says so.
  std::filesystem::resize_file(room.at("content"), room.contentBytes());
  auto caster = room.cast(room.casterOptions());
  std::filesystem::resize_file(room.at("content"), 0);
  const auto receiver = CastRoom::receive(room.receiverOptions(1, std::nullopt));
  CHECK(caster->ending.wait(10s) && caster->ending.code() == "E_CONTENT_READ");
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  Bytes image = randomImage((20 << 20) + 4096, random);
  for (std::size_t i = 10 << 20; i < 12 << 20; ++i) image[i] = static_cast<std::uint8_t>(random());
  flooded(image, random);
  wrongKeys(image, random);
  restarted(image, random);
  tampered(image, random);
  unreadable(image, random);
  return finish();
}
