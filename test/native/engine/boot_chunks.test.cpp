// The boot chunks of an image, whatever comes first: the chunk from the network or the look at the disk.
#include "engine/boot_chunks.h"
#include "images.h"
#include "port/block_device.h"
#include "port/socket.h"
#include "temporary_folder.h"

using namespace volley_test;

namespace {

// One chunk and an end of its own, so that both boot chunks are there.
void keptAndInspected(bool keptFirst, std::mt19937_64& random) {
  TemporaryFolder folder;
  Bytes image((2 << 20) + 65536);
  for (std::uint8_t& byte : image) byte = static_cast<std::uint8_t>(random());
  writeFile(folder.at("image"), image);
  volley::TaskControl control;
  const auto imported = volley::importContent({folder.at("image"), image.size(), folder.at("content"), 1, 1}, control);
  const volley::ImageFacts facts(manifestOf(imported, image.size()), 1408);
  writeFile(folder.at("disk"), Bytes(image.size(), 0x5a));
  const auto device = volley::openBlockDevice(folder.at("disk"), volley::DeviceAccess::exclusive);
  volley::BootChunks boot(facts, *device);
  const std::vector<std::uint32_t> numbers = boot.numbers();
  CHECK(numbers.size() == 2);
  const auto keep = [&](std::uint32_t chunk) {
    boot.keep(chunk, {image.data() + facts.offset(chunk), facts.bytes(chunk)});
  };
  std::vector<std::uint32_t> told;
  if (keptFirst) keep(numbers[0]);
  boot.inspect([&](std::uint32_t chunk, bool same) {
    CHECK(!same);
    told.push_back(chunk);
  });
  // Of a chunk that is here nothing is told: it would be asked for again.
  CHECK(told == (keptFirst ? std::vector{numbers[1]} : numbers));
  if (!keptFirst) keep(numbers[0]);
  keep(numbers[1]);
  const auto queue = device->makeQueue(1);
  const auto wakeup = volley::makeWakeup();
  const volley::SessionInbox inbox(*wakeup);
  volley::AlignedBuffer scratch(volley::limits::chunkBytes, 4096);
  boot.writeAll(*queue, {scratch.data(), volley::limits::chunkBytes}, inbox);
  const Bytes disk = readFile(folder.at("disk"));
  for (const std::uint32_t chunk : numbers) {
    const auto at = static_cast<std::ptrdiff_t>(facts.offset(chunk));
    CHECK(std::equal(image.begin() + at, image.begin() + at + facts.bytes(chunk), disk.begin() + at));
  }
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  keptAndInspected(false, random);
  keptAndInspected(true, random);
  return finish();
}
