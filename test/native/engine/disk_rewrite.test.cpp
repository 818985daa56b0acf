// Ranges of a disk move, also onto themselves, and what is written afterwards is there; a rewrite that does not fit the
// disk changes nothing.
#include "engine/disk_rewrite.h"
#include "images.h"
#include "temporary_folder.h"

using namespace volley;
using namespace volley_test;

namespace {

constexpr std::size_t sector = 512;
constexpr std::size_t mebi = limits::chunkBytes;

struct Disk {
  TemporaryFolder folder;
  std::string path = folder.at("disk.raw");
  Bytes bytes;

  Disk(std::size_t size, std::mt19937_64& random) : bytes(randomImage(size, random)) { writeFile(path, bytes); }
  bool holds(const Bytes& expected) const { return readFile(path) == expected; }
};

void rewritten(const Disk& disk, const std::vector<DiskMove>& moves, const std::vector<DiskPiece>& pieces) {
  TaskControl control;
  rewriteDisk({disk.path, moves, pieces}, control);
  CHECK(control.bytesDone() == control.bytesTotal());
}

void rangesMoveWhole(std::mt19937_64& random) {
  constexpr std::size_t size = 9 * mebi;
  for (int round = 0; round < 12; ++round) {
    Disk disk(size, random);
    Bytes expected = disk.bytes;
    std::vector<DiskMove> moves;
    for (int i = 0; i < 2; ++i) {
      const std::size_t bytes = (1 + random() % (4 * mebi / sector)) * sector;
      const std::size_t last = (size - bytes) / sector;
      const DiskMove move{random() % (last + 1) * sector, random() % (last + 1) * sector, bytes};
      const Bytes moved(expected.begin() + static_cast<std::ptrdiff_t>(move.from),
                        expected.begin() + static_cast<std::ptrdiff_t>(move.from + bytes));
      std::copy(moved.begin(), moved.end(), expected.begin() + static_cast<std::ptrdiff_t>(move.to));
      moves.push_back(move);
    }
    const Bytes piece(3 * sector, 0x5c);
    const std::size_t offset = random() % (size / sector - 3) * sector;
    std::copy(piece.begin(), piece.end(), expected.begin() + static_cast<std::ptrdiff_t>(offset));
    rewritten(disk, moves, {{offset, piece}});
    CHECK(disk.holds(expected));
  }
}

void whatDoesNotFitChangesNothing(std::mt19937_64& random) {
  Disk disk(3 * mebi, random);
  const Bytes piece(sector, 1);
  TaskControl control;
  CHECK(errorOf([&] { rewriteDisk({disk.path, {{0, 2 * mebi, mebi + sector}}, {{0, piece}}}, control); }).code ==
        code::deviceTooSmall);
  CHECK(errorOf([&] { rewriteDisk({disk.path, {{0, mebi, mebi}}, {{3 * mebi, piece}}}, control); }).code ==
        code::deviceTooSmall);
  CHECK(errorOf([&] { rewriteDisk({disk.folder.at("none"), {}, {}}, control); }).code == code::deviceOpen);
  control.cancel();
  CHECK(errorOf([&] { rewriteDisk({disk.path, {{0, mebi, mebi}}, {{0, piece}}}, control); }).code ==
        code::cancelled);
  CHECK(disk.holds(disk.bytes));
}

} // namespace

int main(int argc, char** argv) {
  std::mt19937_64 random = seededRandom(argc, argv);
  rangesMoveWhole(random);
  whatDoesNotFitChangesNothing(random);
  return finish();
}
