// Disks that are full, or give other bytes than were written: the deployment fails by name, with chunk and offset,
// and the receiver beside it does not notice. `cast_faults [seed]`.
#include "cast_room.h"
#include <sys/mount.h>

using namespace volley_test;

namespace {

constexpr std::size_t mebibyte = 1 << 20;

// What is wrong with a disk: operations of `action` on a chunk fail with `systemError`, or, where that is 0, give
// other bytes; the first `times` of them.
struct Fault {
  volley::DeviceAction action;
  std::uint32_t chunk;
  int systemError;
  std::atomic<std::uint32_t> times;
};

class FaultyQueue final : public volley::DeviceQueue {
public:
  FaultyQueue(std::unique_ptr<volley::DeviceQueue> queue, Fault& fault) : queue_(std::move(queue)), fault_(fault) {}
  std::uint32_t depth() const override { return queue_->depth(); }
  std::uint32_t inFlight() const override { return queue_->inFlight(); }
  bool submit(const volley::DeviceOperation& operation) override { return queue_->submit(operation); }
  std::size_t complete(std::span<volley::DeviceCompletion> completions, int wait_ms) override {
    const std::size_t count = queue_->complete(completions, wait_ms);
    for (volley::DeviceCompletion& completion : completions.first(count)) {
      const volley::DeviceOperation& operation = completion.operation;
      if (operation.action != fault_.action || operation.offset / mebibyte != fault_.chunk || fault_.times == 0) continue;
      --fault_.times;
      if (fault_.systemError == 0) operation.buffer[operation.length / 2] ^= 4;
      else completion = {operation, 4096, fault_.systemError, "pwrite"};
    }
    return count;
  }

private:
  std::unique_ptr<volley::DeviceQueue> queue_;
  Fault& fault_;
};

class FaultyDevice final : public volley::BlockDevice {
public:
  FaultyDevice(std::unique_ptr<volley::BlockDevice> device, Fault& fault) : device_(std::move(device)), fault_(fault) {}
  const std::string& path() const override { return device_->path(); }
  std::uint64_t sizeBytes() const override { return device_->sizeBytes(); }
  std::uint32_t logicalSectorBytes() const override { return device_->logicalSectorBytes(); }
  std::uint32_t alignmentBytes() const override { return device_->alignmentBytes(); }
  bool bypassesCache() const override { return device_->bypassesCache(); }
  std::unique_ptr<volley::DeviceQueue> makeQueue(std::uint32_t depth) override {
    return std::make_unique<FaultyQueue>(device_->makeQueue(depth), fault_);
  }
  void read(std::span<std::uint8_t> out, std::uint64_t offset) override { device_->read(out, offset); }
  void zeroRange(std::uint64_t offset, std::uint64_t length) override { device_->zeroRange(offset, length); }
  void flush() override { device_->flush(); }

private:
  std::unique_ptr<volley::BlockDevice> device_;
  Fault& fault_;
};

// How a deployment to a disk with that fault ends; one to a good disk runs beside it.
std::string ends(const Bytes& image, Fault fault, std::mt19937_64& random) {
  CastRoom room(image, random);
  const auto caster = room.cast(room.casterOptions());
  const auto good = CastRoom::receive(room.receiverOptions(1, room.disk("good", 3)));
  auto options = room.receiverOptions(2, room.disk("bad", 4));
  options.openDevice = [&fault](const std::string& path) {
    return std::make_unique<FaultyDevice>(volley::openBlockDevice(path, volley::DeviceAccess::exclusive), fault);
  };
  const auto bad = CastRoom::receive(options);
  CHECK(bad->ending.wait(60s));
  if (const auto error = bad->ending.error()) {
    const auto offset = static_cast<std::int64_t>(fault.chunk * mebibyte);
    CHECK(error->chunk == fault.chunk && error->device == room.at("bad"));
    CHECK(error->offset >= offset && error->offset < offset + static_cast<std::int64_t>(mebibyte));
    CHECK(error->systemError == fault.systemError);
    CHECK(bad->statistics().phase == volley::ReceiverPhase::failed);
  } else {
    CHECK(room.holds(room.at("bad"), image));
  }
  CHECK(good->finishes());
  CHECK(room.holds(room.at("good"), image));
  return bad->ending.code();
}

// A file without blocks of its own on a file system that is too small for them; needs the right to mount.
void full(const Bytes& image, std::mt19937_64& random) {
  CastRoom room(image, random);
  std::filesystem::create_directory(room.at("small"));
  if (::mount("none", room.at("small").c_str(), "tmpfs", 0, "size=6m") != 0) {
    std::printf("no right to mount: the full disk is not tried\n");
    return;
  }
  const std::string disk = room.at("small/disk");
  std::ofstream(disk).flush();
  std::filesystem::resize_file(disk, image.size());
  {
    const auto caster = room.cast(room.casterOptions());
    const auto receiver = CastRoom::receive(room.receiverOptions(1, disk));
    CHECK(receiver->ending.wait(60s) && receiver->ending.code() == "E_DEVICE_FULL");
    const auto error = receiver->ending.error();
    CHECK(error && error->offset >= 0 && error->device == disk);
  }
  CHECK(::umount(room.at("small").c_str()) == 0);
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  Bytes image(16 * mebibyte);
  for (std::uint8_t& byte : image) byte = static_cast<std::uint8_t>(random());
  std::fill(image.begin() + 9 * static_cast<std::ptrdiff_t>(mebibyte),
            image.begin() + 11 * static_cast<std::ptrdiff_t>(mebibyte), 0); // chunks 9 and 10 are holes
  using volley::DeviceAction;
  constexpr std::uint32_t always = 1'000'000;
  for (const std::uint32_t chunk : {0u, 7u, 9u, 15u}) {
    std::printf("chunk %u\n", chunk);
    CHECK(ends(image, {DeviceAction::readBack, chunk, 0, always}, random) == "E_DEVICE_MISMATCH");
    CHECK(ends(image, {DeviceAction::readBack, chunk, 0, 3}, random).empty());
  }
  CHECK(ends(image, {DeviceAction::write, 7, EIO, always}, random) == "E_DEVICE_WRITE");
  CHECK(ends(image, {DeviceAction::write, 0, EIO, always}, random) == "E_DEVICE_WRITE");
  CHECK(ends(image, {DeviceAction::write, 7, ENOSPC, always}, random) == "E_DEVICE_FULL");
  // A sector that cannot be read before it has been written.
  CHECK(ends(image, {DeviceAction::readBack, 9, EIO, 1}, random).empty());
  full(image, random);
  return finish();
}
