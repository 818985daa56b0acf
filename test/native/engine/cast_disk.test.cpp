// What a disk held before: the image itself, half of it, something else where the image has holes. And what a disk
// looks like when a deployment is broken off. `cast_disk [seed]`.
#include "cast_room.h"
#include <sys/stat.h>

using namespace volley_test;

namespace {

constexpr std::size_t mebibyte = 1 << 20;
// Chunks that cannot be compressed: more than a tenth of the content, whatever the others hold.
constexpr std::size_t noiseAt = 8, noiseEnd = 13;

// Holds `held` of the chunks (by chance) and random bytes elsewhere.
void partlyHeld(const Bytes& image, double held, bool askBeforeScan, std::mt19937_64& random) {
  std::printf("%.0f %% held, ask %s\n", held * 100, askBeforeScan ? "before the scan" : "after the scan");
  CastRoom room(image, random);
  Bytes disk(image.size() + mebibyte);
  for (std::uint8_t& byte : disk) byte = static_cast<std::uint8_t>(random());
  for (std::size_t at = 0; at < image.size(); at += mebibyte) {
    const std::size_t bytes = std::min(mebibyte, image.size() - at);
    const bool isNoise = at / mebibyte >= noiseAt && at / mebibyte < noiseEnd;
    if (std::generate_canonical<double, 32>(random) < held || (held > 0 && isNoise)) std::copy_n(&image[at], bytes, &disk[at]);
  }
  writeFile(room.at("disk"), disk);
  auto options = room.casterOptions();
  options.rateBytesPerSecond = 40'000'000; // the scan has a chance to be first
  const auto caster = room.cast(options);
  auto receiving = room.receiverOptions(1, room.at("disk"));
  receiving.askBeforeScan = askBeforeScan;
  const auto receiver = CastRoom::receive(receiving);
  CHECK(receiver->finishes());
  CHECK(room.holds(room.at("disk"), image));
  const auto statistics = receiver->statistics();
  CHECK(statistics.chunksPresent == statistics.chunksTotal);
  CHECK(statistics.bytesVerified == image.size());
  if (askBeforeScan) return; // on a slow disk everything arrives before the scan finds anything
  CHECK(held == 0 || statistics.chunksFound > 0);
  // Only what the disk lacked was taken; what was sent may be more where a busy machine lost datagrams.
  const std::uint64_t taken = statistics.multicastBytes + statistics.unicastBytes;
  CHECK(taken <= room.contentBytes());
  if (held > 0) CHECK(taken < room.contentBytes() * 9 / 10);
  const Bytes after = readFile(room.at("disk"));
  CHECK(std::all_of(after.end() - 65536, after.end(), [](std::uint8_t byte) { return byte == 0; }));
}

// A disk that holds the image is left alone, to the last bytes behind it.
void untouched(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  Bytes disk = image;
  disk.resize(image.size() + mebibyte, 0x77);
  writeFile(room.at("disk"), disk);
  const auto caster = room.cast(room.casterOptions());
  auto options = room.receiverOptions(1, room.at("disk"));
  options.askBeforeScan = false;
  const auto receiver = CastRoom::receive(options);
  CHECK(receiver->finishes());
  CHECK(readFile(room.at("disk")) == disk);
  CHECK(receiver->statistics().chunksByMulticast == 0 && receiver->statistics().chunksByUnicast == 0);
  CHECK(caster->caster->statistics().dataDatagrams == 0);
}

// Only the boot chunk differs.
void bootChunkOnly(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  Bytes disk = image;
  disk[100] ^= 1;
  writeFile(room.at("disk"), disk);
  const auto caster = room.cast(room.casterOptions());
  auto options = room.receiverOptions(1, room.at("disk"));
  options.askBeforeScan = false;
  const auto receiver = CastRoom::receive(options);
  CHECK(receiver->finishes());
  CHECK(readFile(room.at("disk")) == image);
  const auto statistics = receiver->statistics();
  CHECK(statistics.chunksByMulticast + statistics.chunksByUnicast >= 1);
  // While a slow disk is scanned, small chunks that share the chunk's last block are taken with it.
  CHECK(statistics.multicastBytes + statistics.unicastBytes < 2 * mebibyte);
}

// Cancelled in the middle, the disk must not look bootable; started again, it ends well and takes less.
void cancelled(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  auto options = room.casterOptions();
  options.rateBytesPerSecond = 10'000'000; // two seconds from the half to the end
  const auto caster = room.cast(options);
  writeFile(room.at("disk"), Bytes(image.size(), 0x99));
  const auto first = CastRoom::receive(room.receiverOptions(1, room.at("disk")));
  while (first->statistics().chunksPresent < first->statistics().chunksTotal / 2 && first->ending.code() == "running")
    std::this_thread::sleep_for(2ms);
  const auto begun = std::chrono::steady_clock::now();
  first->session->cancel();
  CHECK(first->ending.wait(60s) && first->ending.code() == "E_CANCELLED"); // 200 ms, unless the disk keeps it waiting
  std::printf("cancelled in %lld ms\n", static_cast<long long>((std::chrono::steady_clock::now() - begun) / 1ms));
  CHECK(first->statistics().phase == volley::ReceiverPhase::failed);
  const Bytes half = readFile(room.at("disk"));
  const auto zero = [](std::uint8_t byte) { return byte == 0; };
  CHECK(std::all_of(half.begin(), half.begin() + mebibyte, zero));
  CHECK(std::all_of(half.end() - 65536, half.end(), zero));
  auto again = room.receiverOptions(2, room.at("disk"));
  again.askBeforeScan = false;
  const auto second = CastRoom::receive(again);
  CHECK(second->finishes());
  CHECK(readFile(room.at("disk")) == image);
  CHECK(second->statistics().chunksFound > 0);
}

// At every moment from the first on.
void cancelledAnywhere(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  const auto caster = room.cast(room.casterOptions());
  for (int round = 0; round < 12; ++round) {
    const auto receiver = CastRoom::receive(room.receiverOptions(static_cast<std::uint32_t>(round), room.disk("disk")));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
    if (round % 3 != 0) receiver->session->cancel();
    if (round % 3 == 1) receiver->ending.wait(2s);
    // otherwise it is destroyed while it works
  }
}

void tooSmall(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  writeFile(room.at("small"), Bytes(image.size() - 512));
  const auto error = errorOf([&] { CastRoom::receive(room.receiverOptions(1, room.at("small"))); });
  CHECK(error.code == "E_DEVICE_TOO_SMALL");
  CHECK(errorOf([&] { CastRoom::receive(room.receiverOptions(1, room.at("none"))); }).code == "E_DEVICE_OPEN");
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  Bytes image = randomImage((30 << 20) + 8192, random);
  for (std::size_t at = noiseAt * mebibyte; at < noiseEnd * mebibyte; ++at) image[at] = static_cast<std::uint8_t>(random());
  image[0] = 1; // the boot chunks are no holes
  image.back() = 1;
  partlyHeld(image, 0, true, random);
  partlyHeld(image, 0, false, random);
  partlyHeld(image, 0.5, true, random);
  partlyHeld(image, 0.5, false, random);
  untouched(image, random);
  bootChunkOnly(image, random);
  cancelled(image, random);
  cancelledAnywhere(image, random);
  tooSmall(image, random);
  // Boot chunks that are holes.
  partlyHeld(Bytes(5 << 20), 0, false, random);
  return finish();
}
