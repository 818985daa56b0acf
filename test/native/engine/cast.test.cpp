// One caster and up to three receivers on loopback: what is on the disks afterwards is the image, whatever is lost on
// the way and whoever comes late. `cast [seed]`.
#include "cast_room.h"

using namespace volley_test;

namespace {

void castTo(const Bytes& image, std::uint32_t receivers, std::uint32_t lossPerMillion, std::mt19937_64& random) {
  std::printf("%u receivers, loss %u per million\n", receivers, lossPerMillion);
  CastRoom room(image, random);
  const auto caster = room.cast(room.casterOptions());
  std::vector<std::unique_ptr<TestReceiver>> all;
  for (std::uint32_t i = 1; i <= receivers; ++i) {
    auto options = room.receiverOptions(i, room.disk("disk" + std::to_string(i), 0x5a));
    options.lossPerMillion = lossPerMillion;
    options.groupSize = receivers;
    all.push_back(CastRoom::receive(options));
  }
  for (std::uint32_t i = 1; i <= receivers; ++i) {
    TestReceiver& receiver = *all[i - 1];
    CHECK(receiver.finishes());
    CHECK(room.holds(room.at("disk" + std::to_string(i)), image));
    const auto statistics = receiver.statistics();
    std::printf("  %u: %u chunks by multicast, %u by unicast, %llu datagrams lost, %llu symbols repaired\n", i,
                statistics.chunksByMulticast, statistics.chunksByUnicast,
                static_cast<unsigned long long>(statistics.lostDatagrams),
                static_cast<unsigned long long>(statistics.repairedSymbols));
    CHECK(statistics.phase == volley::ReceiverPhase::done);
    CHECK(statistics.bytesVerified == image.size() && statistics.bytesTotal == image.size());
    CHECK(statistics.chunksPresent == statistics.chunksTotal);
    CHECK(statistics.multicastBytes + statistics.unicastBytes == room.contentBytes());
    CHECK(statistics.chunksByMulticast > 0);
    CHECK(statistics.bufferBytes > 0 && statistics.bufferBytes < 160'000'000);
    CHECK(lossPerMillion == 0 || statistics.repairedSymbols > 0);
  }
  const auto sent = caster->caster->statistics();
  std::printf("  sent %llu source and %llu parity symbols, %llu reports, %.0f MB/s at the end\n",
              static_cast<unsigned long long>(sent.sourceSymbols), static_cast<unsigned long long>(sent.paritySymbols),
              static_cast<unsigned long long>(sent.reports), static_cast<double>(sent.rateBytesPerSecond) / 1e6);
  CHECK(sent.dataDatagrams > 0 && sent.reports > 0);
  caster->caster->stop();
  CHECK(caster->ending.wait(60s) && caster->ending.code().empty());
}

void joinLate(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  auto options = room.casterOptions();
  options.rateBytesPerSecond = 20'000'000;
  const auto caster = room.cast(options);
  const auto first = CastRoom::receive(room.receiverOptions(1, room.disk("disk1", 1)));
  while (first->statistics().chunksPresent < first->statistics().chunksTotal / 2 && first->ending.code() == "running")
    std::this_thread::sleep_for(5ms);
  const auto second = CastRoom::receive(room.receiverOptions(2, room.disk("disk2", 2)));
  CHECK(first->finishes());
  caster->caster->setRate(0);
  CHECK(second->finishes());
  CHECK(room.holds(room.at("disk1"), image) && room.holds(room.at("disk2"), image));
  // After everybody has left, one more.
  const auto third = CastRoom::receive(room.receiverOptions(3, room.disk("disk3", 3)));
  CHECK(third->finishes());
  CHECK(room.holds(room.at("disk3"), image));
}

void withoutDisk(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  const auto caster = room.cast(room.casterOptions());
  const auto receiver = CastRoom::receive(room.receiverOptions(1, std::nullopt));
  CHECK(receiver->finishes());
  CHECK(receiver->statistics().bytesVerified == image.size());
}

// Small MTUs, jumbo frames, images of odd sizes.
void shapes(std::mt19937_64& random) {
  const std::size_t sizes[] = {512, 4096, 65536, (1 << 20) - 512, 1 << 20, (1 << 20) + 512, (5 << 20) + 4096};
  const std::uint32_t mtus[] = {576, 1500, 9000};
  for (const std::size_t size : sizes) {
    Bytes image = randomImage(size, random);
    image[0] = 7;
    CastRoom room(image, random);
    auto options = room.casterOptions();
    options.mtu = mtus[random() % 3];
    std::printf("%zu bytes, MTU %u\n", size, options.mtu);
    const auto caster = room.cast(options);
    auto receiving = room.receiverOptions(1, room.disk("disk", 0xee));
    receiving.mtu = options.mtu;
    receiving.lossPerMillion = 20'000;
    const auto receiver = CastRoom::receive(receiving);
    CHECK(receiver->finishes());
    CHECK(room.holds(room.at("disk"), image));
  }
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  const Bytes image = randomImage((40 << 20) + 12 * 512, random);
  castTo(image, 1, 0, random);
  castTo(image, 1, 10'000, random);
  castTo(image, 3, 0, random);
  castTo(image, 3, 100'000, random);
  joinLate(image, random);
  withoutDisk(image, random);
  withoutDisk(Bytes(3 << 20), random);
  shapes(random);
  return finish();
}
