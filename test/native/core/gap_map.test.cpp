// The gap map against a plain vector of flags.
#include "check.h"
#include "core/gap_map.h"
#include <random>
#include <string>

using namespace volley;

namespace {
void same(const GapMap& map, const std::vector<bool>& flags, const GapMap& other, const std::vector<bool>& others) {
  const auto size = static_cast<std::uint32_t>(flags.size());
  std::uint32_t next = size, absent = size, common = size, count = 0;
  for (std::uint32_t i = size; i-- > 0;) {
    count += flags[i];
    if (flags[i]) next = i;
    if (!flags[i]) absent = i;
    if (flags[i] && others[i]) common = i;
    CHECK(map.has(i) == flags[i]);
    CHECK(map.next(i) == next && map.nextAbsent(i) == absent && map.nextCommon(i, other) == common);
  }
  CHECK(map.count() == count && map.empty() == (count == 0));
  CHECK(map.next(size) == size && map.nextAbsent(size) == size);
}

void randomChanges(std::mt19937_64& random, std::uint32_t size) {
  GapMap map(size), other(size);
  std::vector<bool> flags(size), others(size);
  for (int step = 0; step < 60; ++step) {
    const bool first = random() % 3 != 0;
    GapMap& changed = first ? map : other;
    std::vector<bool>& mirror = first ? flags : others;
    const bool value = random() % 2 == 0;
    if (size > 0 && random() % 2 == 0) {
      const auto i = static_cast<std::uint32_t>(random() % size);
      value ? changed.add(i) : changed.remove(i);
      mirror[i] = value;
    } else {
      const auto begin = static_cast<std::uint32_t>(random() % (size + 1));
      const auto count = static_cast<std::uint32_t>(random() % (size - begin + 1));
      value ? changed.addRange(begin, count) : changed.removeRange(begin, count);
      for (std::uint32_t i = begin; i < begin + count; ++i) mirror[i] = value;
    }
    same(map, flags, other, others);
  }
}
} // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::stoull(argv[1]) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (const std::uint32_t size : {0u, 1u, 63u, 64u, 65u, 128u, 200u, 513u}) randomChanges(random, size);
  return volley_test::finish();
}
