// The firmware's table: what a good one says, both orders of a UUID's bytes, and tables that are cut short,
// lie about their lengths or are noise. `smbios [seed]`.
#include "core/smbios.h"
#include "check.h"
#include <algorithm>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

using namespace volley;
using Bytes = std::vector<std::uint8_t>;

namespace {

// A structure with `formatted` behind its header, and its texts.
void add(Bytes& table, std::uint8_t type, const Bytes& formatted, const std::vector<std::string>& texts) {
  table.insert(table.end(), {type, static_cast<std::uint8_t>(formatted.size() + 4), 0x34, 0x12});
  table.insert(table.end(), formatted.begin(), formatted.end());
  for (const std::string& text : texts) {
    table.insert(table.end(), text.begin(), text.end());
    table.push_back(0);
  }
  if (texts.empty()) table.push_back(0);
  table.push_back(0);
}

const Bytes uuid{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

Bytes systemArea(const Bytes& identifier) {
  Bytes area(23);
  std::iota(area.begin(), area.begin() + 4, std::uint8_t{1}); // manufacturer, model, its version, serial
  std::copy(identifier.begin(), identifier.end(), area.begin() + 4);
  area[21] = 5; // SKU
  area[22] = 6; // family
  return area;
}

Bytes wholeTable() {
  Bytes table;
  add(table, 0, {1, 2, 0, 0xe8, 3, 0x0f}, {"Acme Firmware", "1.22", "02/29/2024"});
  add(table, 1, systemArea(uuid), {"Acme", "  Desk 400 ", "ThinkDesk", "PF0ABC12", "SKU-9", "Desks"});
  add(table, 2, {1, 2, 3, 4, 5}, {"Board maker", "B-77", "v1", "BS-1", "asset of the board"});
  add(table, 3, {1, 0x83, 2, 3, 4}, {"Acme", "v2", "CS-5", "ROOM-12-PC-3"});
  add(table, 3, {1, 0x09, 0, 0, 2}, {"A dock", "another tag"}); // a second chassis does not count
  add(table, 127, {}, {});
  add(table, 1, systemArea(uuid), {"behind the end"});
  return table;
}

void readsWhatIsThere() {
  const smbios::Facts facts = smbios::read(wholeTable(), 3, 2);
  CHECK(facts.uuid == "33221100-5544-7766-8899-aabbccddeeff");
  CHECK(facts.manufacturer == "Acme");
  CHECK(facts.model == "Desk 400");
  CHECK(facts.modelVersion == "ThinkDesk");
  CHECK(facts.serial == "PF0ABC12");
  CHECK(facts.skuNumber == "SKU-9");
  CHECK(facts.family == "Desks");
  CHECK(facts.boardManufacturer == "Board maker" && facts.boardProduct == "B-77" &&
        facts.boardSerial == "BS-1");
  CHECK(facts.chassisType == std::uint8_t{3});
  CHECK(facts.chassisSerial == "CS-5" && facts.assetTag == "ROOM-12-PC-3");
  CHECK(facts.firmwareVendor == "Acme Firmware" && facts.firmwareVersion == "1.22");
  CHECK(facts.firmwareDate == "02/29/2024");
}

void knowsBothOrders() {
  const Bytes table = wholeTable();
  for (const auto& [major, minor] : {std::pair{2, 5}, {2, 0}, {1, 9}})
    CHECK(smbios::read(table, static_cast<std::uint8_t>(major), static_cast<std::uint8_t>(minor)).uuid ==
          "00112233-4455-6677-8899-aabbccddeeff");
  for (const auto& [major, minor] : {std::pair{2, 6}, {2, 8}, {3, 0}})
    CHECK(smbios::read(table, static_cast<std::uint8_t>(major), static_cast<std::uint8_t>(minor)).uuid ==
          "33221100-5544-7766-8899-aabbccddeeff");
}

void takesNoPlaceholderForAUuid() {
  for (const std::uint8_t byte : {0x00, 0xff}) {
    Bytes table;
    add(table, 1, systemArea(Bytes(16, byte)), {"Acme"});
    const smbios::Facts facts = smbios::read(table, 3, 0);
    CHECK(!facts.uuid && facts.manufacturer == "Acme" && facts.model.empty());
  }
}

// SMBIOS 2.0 has no UUID yet, 2.3 no SKU and family.
void takesShortStructures() {
  Bytes table;
  add(table, 1, {1, 2, 3, 4}, {"Acme", "Old", "v0", "S"});
  add(table, 3, {}, {});
  const smbios::Facts facts = smbios::read(table, 2, 0);
  CHECK(!facts.uuid && facts.serial == "S" && facts.family.empty() && !facts.chassisType);
  CHECK(smbios::read({}, 3, 0).manufacturer.empty());
}

// Each in memory of exactly its size, so that a sanitizer sees a step beyond it.
void survivesAnything(std::mt19937_64& random) {
  const Bytes good = wholeTable();
  const auto readExactly = [&](const Bytes& bytes) {
    const auto memory = std::make_unique<std::uint8_t[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), memory.get());
    return smbios::read({memory.get(), bytes.size()}, 3, 0);
  };
  for (std::size_t length = 0; length < good.size(); ++length)
    readExactly(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)));
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = good;
    for (std::uint64_t changes = 1 + random() % 8; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    const smbios::Facts facts = readExactly(bytes);
    CHECK(facts.manufacturer.size() <= bytes.size());
  }
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::stoull(argv[1]) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  readsWhatIsThere();
  knowsBothOrders();
  takesNoPlaceholderForAUuid();
  takesShortStructures();
  survivesAnything(random);
  return volley_test::finish();
}
