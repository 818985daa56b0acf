// Unicast: a group that nobody sends to, a server that comes and goes, requests that are none. `cast_unicast [seed]`.
#include "cast_room.h"
#include "engine/content_client.h"
#include "engine/content_server.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace volley_test;

namespace {

// Says something to a port and gives back what comes until the other side hangs up or is silent.
std::string converse(std::uint16_t port, const std::string& text, std::chrono::milliseconds silence = 2s) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval wait{silence.count() / 1000, silence.count() % 1000 * 1000};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  std::string answer;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    char bytes[4096];
    for (ssize_t got; (got = ::recv(socket, bytes, sizeof bytes, 0)) > 0;) answer.append(bytes, static_cast<std::size_t>(got));
  }
  ::close(socket);
  return answer;
}

bool answers(std::uint16_t port, const std::string& text, const std::string& status) {
  const std::string answer = converse(port, text);
  if (answer.starts_with("HTTP/1.1 " + status + " ")) return true;
  std::fprintf(stderr, "expected %s, came %.60s\n", status.c_str(), answer.c_str());
  return false;
}

// Policy moves one of two receivers, which loses much, while they work: what passes by it still takes, the rest comes
// by unicast. Both end right.
void movedByPolicy(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  auto options = room.casterOptions();
  options.rateBytesPerSecond = 40'000'000;
  const auto caster = room.cast(options);
  auto second = room.receiverOptions(2, room.disk("disk2"));
  second.groupSize = 2;
  second.lossPerMillion = 300'000;
  const auto slow = CastRoom::receive(second);
  auto first = room.receiverOptions(1, room.disk("disk1"));
  first.groupSize = 2;
  const auto other = CastRoom::receive(first);
  caster->caster->setMoved(2, true);
  bool moved = false;
  while (slow->ending.code() == "running" && !moved) {
    moved = slow->statistics().moved;
    std::this_thread::sleep_for(1ms);
  }
  CHECK(moved);
  CHECK(slow->finishes() && other->finishes());
  CHECK(room.holds(room.at("disk1"), image) && room.holds(room.at("disk2"), image));
  CHECK(slow->statistics().chunksByUnicast > 0);
  CHECK(other->statistics().chunksByUnicast == 0);
}

void requests(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  const auto caster = room.cast(room.casterOptions());
  const std::uint16_t port = caster->caster->unicastPort();
  const auto key = volley::receiverKey(room.feedbackSecret(), room.session(), 9);
  std::uint64_t counter = 0;
  const auto request = [&](std::uint64_t first, std::uint64_t last) {
    return volley::writeContentRequest({first, last}, "x", 9, ++counter, key);
  };
  const auto changed = [](std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    CHECK(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  const std::string good = request(0, 99);
  const std::string answer = converse(port, changed(good, "\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  CHECK(answer.starts_with("HTTP/1.1 206 "));
  const Bytes content = readFile(room.at("content"));
  CHECK(answer.size() > 100 && std::equal(content.begin(), content.begin() + 100, answer.end() - 100,
                                          [](std::uint8_t one, char other) { return one == static_cast<std::uint8_t>(other); }));
  CHECK(answers(port, good, "401")); // a replay
  CHECK(answers(port, changed(request(0, 99), "bytes=0-99", "bytes=0-98"), "401"));
  CHECK(answers(port, changed(request(0, 99), "receiver=9", "receiver=8"), "401"));
  CHECK(answers(port, changed(request(0, 99), "Authorization", "Authority"), "401"));
  CHECK(answers(port, changed(request(0, 99), "tag=", "tag=zz"), "401"));
  CHECK(answers(port, request(0, room.contentBytes()), "416"));
  CHECK(answers(port, request(100, 99), "416"));
  CHECK(answers(port, changed(request(0, 9), "/content", "/etc/passwd"), "404"));
  CHECK(answers(port, changed(request(0, 9), "GET", "PUT"), "405"));
  CHECK(answers(port, changed(request(0, 9), "HTTP/1.1", "HTTP/9"), "400"));
  CHECK(answers(port, changed(request(0, 9), "Host: x", "Content-Length: 5"), "400"));
  CHECK(answers(port, changed(request(0, 9), "Host: x", "Range: bytes=0-1"), "400"));
  CHECK(answers(port, "\r\n\r\n", "400"));
  CHECK(answers(port, std::string(5000, 'x'), "431"));
  for (int round = 0; round < 200; ++round) {
    std::string garbage = round % 2 ? request(0, 9) : std::string(random() % 300, ' ');
    for (std::size_t i = 0; i < 1 + garbage.size() / 20 && !garbage.empty(); ++i)
      garbage[random() % garbage.size()] = static_cast<char>(random());
    const std::string came = converse(port, garbage + "\r\n\r\n", 100ms);
    CHECK(came.empty() || came.starts_with("HTTP/1.1 4") || came.starts_with("HTTP/1.1 206"));
  }
  CHECK(caster->ending.code() == "running");
}

// Where nothing goes by unicast there is no server, and a receiver that loses much ends right by multicast alone.
void multicastOnly(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  auto casting = room.casterOptions();
  casting.unicastPort.reset();
  const auto caster = room.cast(casting);
  CHECK(caster->caster->unicastPort() == 0);
  auto options = room.receiverOptions(1, room.disk("disk"));
  options.unicast.reset();
  options.lossPerMillion = 100'000;
  const auto receiver = CastRoom::receive(options);
  CHECK(receiver->finishes());
  CHECK(room.holds(room.at("disk"), image));
  CHECK(receiver->statistics().chunksByUnicast == 0 && caster->caster->statistics().unicastBytes == 0);
}

// More connections than are served are told to come back; none of them stops the others.
void crowded(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  const auto caster = room.cast(room.casterOptions());
  std::vector<int> idle;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(caster->caster->unicastPort());
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (std::size_t i = 0; i < volley::limits::unicastConnections; ++i) {
    idle.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    CHECK(::connect(idle.back(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  }
  // Connections are taken in the order they were made, so that this one comes after all of those.
  const auto key = volley::receiverKey(room.feedbackSecret(), room.session(), 1);
  const std::string answer = converse(caster->caster->unicastPort(), volley::writeContentRequest({0, 1}, "x", 1, 1, key));
  CHECK(answer.starts_with("HTTP/1.1 503 ") && answer.find("Retry-After:") != std::string::npos);
  for (const int socket : idle) ::close(socket);
  // The server hears of each end when it next looks at that connection.
  std::string served;
  const auto until = std::chrono::steady_clock::now() + 30s;
  for (std::uint64_t counter = 2; !served.starts_with("HTTP/1.1 206 "); ++counter) {
    CHECK(std::chrono::steady_clock::now() < until);
    served = converse(caster->caster->unicastPort(), volley::writeContentRequest({0, 1}, "x", 1, counter, key));
  }
}

void alone(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  const auto caster = room.cast(room.casterOptions());
  auto options = room.receiverOptions(1, room.disk("disk", 0x22));
  options.port = static_cast<std::uint16_t>(options.port + 1); // where nobody sends
  options.silence_ms = 200;
  const auto receiver = CastRoom::receive(options);
  CHECK(receiver->finishes());
  CHECK(room.holds(room.at("disk"), image));
  const auto statistics = receiver->statistics();
  CHECK(statistics.chunksByUnicast > 0 && statistics.chunksByMulticast == 0);
  CHECK(statistics.unicastBytes == room.contentBytes() && !statistics.multicastAlive);
  CHECK(caster->caster->statistics().unicastBytes >= room.contentBytes());
}

// The site goes away and comes back.
void interrupted(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  auto casting = room.casterOptions();
  auto caster = room.cast(casting);
  casting.feedbackPort = caster->caster->feedbackPort();
  casting.unicastPort = caster->caster->unicastPort();
  auto options = room.receiverOptions(1, room.disk("disk", 0x22));
  options.port = static_cast<std::uint16_t>(options.port + 1);
  options.silence_ms = 100;
  caster.reset();
  const auto receiver = CastRoom::receive(options);
  for (std::uint32_t start = 2; start < 5; ++start) {
    std::this_thread::sleep_for(300ms);
    casting.start = start;
    caster = room.cast(casting);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
    if (start < 4) caster.reset();
  }
  CHECK(receiver->finishes());
  CHECK(room.holds(room.at("disk"), image));
}

// Multicast is silent at first; when it comes, it is used.
void backToMulticast(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  auto casting = room.casterOptions();
  auto caster = room.cast(casting);
  casting.feedbackPort = caster->caster->feedbackPort();
  casting.start = 2;
  auto options = room.receiverOptions(1, room.disk("disk", 0x22));
  caster.reset();
  casting.unicastPort = 0; // not where the receiver looks for it
  options.silence_ms = 100;
  const auto receiver = CastRoom::receive(options);
  std::this_thread::sleep_for(500ms);
  CHECK(receiver->ending.code() == "running");
  caster = room.cast(casting);
  CHECK(receiver->finishes());
  CHECK(room.holds(room.at("disk"), image));
  CHECK(receiver->statistics().chunksByMulticast > 0 && receiver->statistics().chunksByUnicast == 0);
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  Bytes image = randomImage((20 << 20) + 4096, random);
  for (std::size_t i = 3 << 20; i < 5 << 20; ++i) image[i] = static_cast<std::uint8_t>(random());
  movedByPolicy(image, random);
  requests(image, random);
  multicastOnly(image, random);
  crowded(image, random);
  alone(image, random);
  interrupted(image, random);
  backToMulticast(image, random);
  return finish();
}
