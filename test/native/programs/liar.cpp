// A member of a session that asks for every block, all the time, as if it had received nothing: what one dishonest or
// broken machine can do with a receiver's key. Reads one line from standard input, so that the key is in no process
// list: ADDRESS PORT SESSION STREAM RECEIVER KEY-IN-HEX BLOCKS SECONDS. Sends a report every 5 ms, then ends.
#include "core/authenticator.h"
#include "core/codec.h"
#include "engine/parse_options.h"
#include "port/socket.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

using namespace volley;

int main() {
  std::string address, hex;
  std::uint32_t port = 0, session = 0, stream = 0, receiver = 0, blocks = 0, seconds = 0;
  std::cin >> address >> port >> session >> stream >> receiver >> hex >> blocks >> seconds;
  blake3::Key key{};
  if (!std::cin || hex.size() != 2 * key.size()) {
    std::fprintf(stderr, "one line is expected: ADDRESS PORT SESSION STREAM RECEIVER KEY BLOCKS SECONDS\n");
    return 2;
  }
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
  KeyedBlake3 authenticator(key);
  const std::unique_ptr<DatagramSocket> socket = openReportSocket(addressOf("127.0.0.1"));
  const Endpoint to{addressOf(address), static_cast<std::uint16_t>(port)};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::min(seconds, 120u));
  std::uint64_t counter = 0;
  std::vector<std::uint8_t> bytes;
  while (std::chrono::steady_clock::now() < end) {
    Report report{};
    report.receiver = receiver;
    report.lackingBlocks = blocks;
    // In turn everything, and a repair of everything, which goes before what the others wait for.
    const auto symbols = static_cast<std::uint16_t>(counter % 2 == 0 ? limits::symbolsPerBlock : 60);
    report.runs.push_back({0, blocks, symbols});
    writeReport({DatagramType::report, static_cast<std::uint16_t>(stream), session, 1, ++counter, receiver, 1, 0},
                report, bytes);
    const std::size_t length = bytes.size();
    bytes.resize(length + limits::tagBytes);
    std::uint8_t* datagram = bytes.data();
    authenticator.sign({&datagram, 1}, length);
    socket->send(bytes.data(), 1, bytes.size(), to);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::printf("%llu reports\n", static_cast<unsigned long long>(counter));
  return 0;
}
