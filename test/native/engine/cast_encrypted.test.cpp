// Encrypted sessions: what is on the disks is the image, with loss, late joins, new starts of the sender and by unicast;
// what somebody else in the group sees holds nothing of it, and he who has another key gets nothing. An ordinary session
// in the same run shows that there is something to see. `cast_encrypted [seed]`.
#include "cast_room.h"
#include "core/codec.h"
#include "core/layout.h"
#include "engine/content_client.h"
#include "engine/parse_options.h"
#include "port/socket.h"
#include <map>
#include <unordered_set>

using namespace volley_test;

namespace {

constexpr std::size_t pieceBytes = 64;
constexpr std::size_t headBytes = 16; // of a piece of that size: enough that none is there by chance

std::string headOf(const std::uint8_t* bytes) { return {reinterpret_cast<const char*>(bytes), headBytes}; }

// Somebody who joined the group and has no key: which pieces of the content he sees, and how often each symbol came and
// in how many forms.
class Ear {
public:
  explicit Ear(const CastRoom& room)
      : wakeup_(volley::makeWakeup()),
        socket_(volley::joinGroup({{*volley::parseAddress(room.group()), room.port()}, *volley::parseAddress("127.0.0.1")})) {
    const Bytes content = readFile(room.at("content"));
    for (std::size_t at = 0; at + headBytes <= content.size(); at += pieceBytes) {
      const std::string head = headOf(content.data() + at);
      if (head.find_first_not_of('\0') != std::string::npos) known_.insert(head);
    }
    thread_ = std::thread([this] {
      while (!stopped_.load()) {
        for (const volley::Arrival& arrival : socket_->receive())
          for (std::uint32_t at = 0; at < arrival.length; at += arrival.datagramBytes)
            hear({arrival.bytes + at, std::min(arrival.datagramBytes, arrival.length - at)});
        socket_->wait(*wakeup_, 100'000);
      }
    });
  }
  ~Ear() { end(); }
  void end() {
    if (!thread_.joinable()) return;
    stopped_.store(true);
    wakeup_->notify();
    thread_.join();
  }

  std::size_t data = 0, encrypted = 0, recognised = 0, announces = 0;
  std::size_t again = 0, same = 0; // symbols that came before; those of them whose bytes were the same

private:
  void hear(std::span<const std::uint8_t> datagram) {
    const auto header = volley::readHeader(datagram);
    if (!header) return;
    data += header->type == volley::DatagramType::data;
    encrypted += header->type == volley::DatagramType::encryptedData;
    announces += header->type == volley::DatagramType::announce;
    const auto payload = datagram.subspan(volley::limits::headerBytes);
    for (std::size_t at = 0; at + headBytes <= payload.size(); at += pieceBytes)
      recognised += known_.contains(headOf(payload.data() + at));
    if (header->type == volley::DatagramType::announce) return;
    const auto [symbol, isNew] = symbols_.try_emplace({header->subject, header->a}, headOf(payload.data()));
    again += !isNew;
    same += !isNew && symbol->second == headOf(payload.data());
  }

  std::unique_ptr<volley::Wakeup> wakeup_;
  std::unique_ptr<volley::DatagramSocket> socket_;
  std::unordered_set<std::string> known_;
  std::map<std::pair<std::uint32_t, std::uint16_t>, std::string> symbols_;
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

void whatIsSeen(const Bytes& image, bool encrypted, std::mt19937_64& random) {
  std::printf("%s\n", encrypted ? "encrypted" : "ordinary");
  CastRoom room(image, random);
  room.encrypted = encrypted;
  Ear ear(room);
  auto casting = room.casterOptions();
  casting.rateBytesPerSecond = 60'000'000;
  auto caster = room.cast(casting);
  casting.feedbackPort = caster->caster->feedbackPort();
  casting.unicastPort = caster->caster->unicastPort();
  std::vector<std::unique_ptr<TestReceiver>> all;
  for (std::uint32_t i = 1; i <= 2; ++i) {
    auto options = room.receiverOptions(i, room.disk("disk" + std::to_string(i), 0x5a));
    options.lossPerMillion = 50'000;
    options.groupSize = 3;
    all.push_back(CastRoom::receive(options));
  }
  while (all[0]->statistics().chunksPresent < all[0]->statistics().chunksTotal / 3 && all[0]->ending.code() == "running")
    std::this_thread::sleep_for(2ms);
  // The sender begins again, and somebody comes late, who asks for what the others have.
  caster.reset();
  casting.start = 2;
  caster = room.cast(casting);
  all.push_back(CastRoom::receive(room.receiverOptions(3, room.disk("disk3", 0x5a))));
  for (std::uint32_t i = 1; i <= 3; ++i) {
    CHECK(all[i - 1]->finishes());
    CHECK(room.holds(room.at("disk" + std::to_string(i)), image));
    CHECK(all[i - 1]->statistics().chunksByMulticast > 0);
  }
  CHECK(all[0]->statistics().repairedSymbols > 0);
  ear.end();
  std::printf("  heard %zu plain, %zu encrypted, %zu announcements; %zu pieces recognised; %zu symbols again, %zu the same\n",
              ear.data, ear.encrypted, ear.announces, ear.recognised, ear.again, ear.same);
  CHECK(ear.announces > 0 && ear.again > 0);
  if (encrypted) CHECK(ear.data == 0 && ear.encrypted > 1000 && ear.recognised == 0 && ear.same == 0);
  else CHECK(ear.encrypted == 0 && ear.data > 1000 && ear.recognised > 1000 && ear.same == ear.again);
}

// What a disk holds of an earlier try is not asked for again.
void resumed(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  room.encrypted = true;
  const auto caster = room.cast(room.casterOptions());
  Bytes half = image;
  std::fill(half.begin() + static_cast<std::ptrdiff_t>(half.size() / 2), half.end(), 0x77);
  half.resize(image.size() + (1 << 20));
  writeFile(room.at("disk"), half);
  auto options = room.receiverOptions(1, room.at("disk"));
  options.askBeforeScan = false;
  const auto receiver = CastRoom::receive(options);
  CHECK(receiver->finishes());
  CHECK(room.holds(room.at("disk"), image));
  CHECK(receiver->statistics().chunksFound > 0 && receiver->statistics().chunksByMulticast > 0);
}

// By unicast alone, where nobody sends to the group.
void byUnicast(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  room.encrypted = true;
  const auto caster = room.cast(room.casterOptions());
  auto options = room.receiverOptions(1, room.disk("disk", 0x22));
  options.port = static_cast<std::uint16_t>(options.port + 1);
  options.silence_ms = 200;
  const auto receiver = CastRoom::receive(options);
  CHECK(receiver->finishes());
  CHECK(room.holds(room.at("disk"), image));
  CHECK(receiver->statistics().unicastBytes == room.contentBytes());

  // The same request in clear and as it travels.
  const volley::Endpoint server{*volley::parseAddress("127.0.0.1"), caster->caster->unicastPort()};
  const auto key = volley::receiverKey(room.feedbackSecret(), room.session(), 9);
  volley::ContentClient decrypting(server, "x", 9, key, true);
  const auto otherKey = volley::receiverKey(room.feedbackSecret(), room.session(), 8);
  volley::ContentClient raw(server, "x", 8, otherKey, false);
  const Bytes content = readFile(room.at("content"));
  const Bytes expected(content.begin() + 1000, content.begin() + 1000 + 300'000);
  Bytes clear(expected.size()), seen(expected.size());
  CHECK(decrypting.request(1000, clear.size()));
  for (std::size_t at = 0; at < clear.size();) {
    const std::size_t piece = std::min<std::size_t>(clear.size() - at, 1 + random() % 100'000);
    CHECK(decrypting.read({clear.data() + at, piece}));
    at += piece;
  }
  CHECK(raw.request(1000, seen.size()) && raw.read(seen));
  CHECK(clear == expected && seen != expected);
  Bytes decrypted(seen.size());
  volley::chacha20::apply(volley::unicastKey(otherKey), 1, 0, seen.data(), decrypted.data(), seen.size());
  CHECK(decrypted == expected);
}

// He hears every datagram and takes none; so does he who knows the key and no encryption, and the other way about.
void refused(const Bytes& image, std::mt19937_64& random) {
  const auto gotNothing = [](TestReceiver& receiver) {
    const auto statistics = receiver.statistics();
    CHECK(statistics.refusedDatagrams > 0 && statistics.chunksPresent == 0 && statistics.multicastBytes == 0);
    receiver.session->cancel();
    CHECK(receiver.ending.wait(30s) && receiver.ending.code() == "E_CANCELLED");
  };
  for (const bool encrypted : {true, false}) {
    CastRoom room(image, random);
    room.encrypted = encrypted;
    auto casting = room.casterOptions();
    casting.rateBytesPerSecond = 60'000'000;
    const auto caster = room.cast(casting);
    auto wrong = room.receiverOptions(2, std::nullopt);
    wrong.unicast.reset();
    auto other = wrong;
    other.receiver = 3;
    other.receiverKey = volley::receiverKey(room.feedbackSecret(), room.session(), 3);
    wrong.sessionKey[random() % 32] ^= 1;
    other.encrypted = !encrypted;
    const auto withWrongKey = CastRoom::receive(wrong);
    const auto withOtherMind = CastRoom::receive(other);
    const auto right = CastRoom::receive(room.receiverOptions(1, room.disk("disk")));
    CHECK(right->finishes());
    CHECK(room.holds(room.at("disk"), image));
    gotNothing(*withWrongKey);
    gotNothing(*withOtherMind);
  }
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  // Bytes that do not compress, so that they travel as they are.
  Bytes image(12 << 20);
  for (std::uint8_t& byte : image) byte = static_cast<std::uint8_t>(random());
  whatIsSeen(image, false, random);
  whatIsSeen(image, true, random);
  resumed(image, random);
  byUnicast(image, random);
  refused(image, random);
  return finish();
}
