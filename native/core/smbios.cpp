#include "core/smbios.h"
#include <algorithm>
#include <array>

namespace volley::smbios {
namespace {

constexpr std::size_t headerBytes = 4; // type, length, handle (6.1.2)
constexpr std::uint8_t firmwareType = 0, systemType = 1, boardType = 2, chassisType = 3, endType = 127;
constexpr std::size_t uuidOffset = 0x08, uuidBytes = 16;

// One structure: its formatted area and the texts behind it, which are numbered from 1 and end with an empty
// one.
class Structure {
public:
  Structure(std::span<const std::uint8_t> formatted, std::span<const std::uint8_t> texts)
      : formatted_(formatted), texts_(texts) {}

  std::span<const std::uint8_t> bytes(std::size_t offset, std::size_t length) const {
    const bool inside = offset + length <= formatted_.size();
    return inside ? formatted_.subspan(offset, length) : std::span<const std::uint8_t>{};
  }

  // The text whose number is at `offset`.
  std::string text(std::size_t offset) const {
    const auto number = bytes(offset, 1);
    if (number.empty() || number[0] == 0) return "";
    auto begin = texts_.begin();
    for (std::uint8_t left = number[0]; begin != texts_.end(); --left) {
      const auto end = std::find(begin, texts_.end(), std::uint8_t{0});
      if (left == 1) return trimmed(std::string(begin, end));
      if (end == texts_.end()) break;
      begin = end + 1;
    }
    return "";
  }

private:
  static std::string trimmed(const std::string& text) {
    constexpr const char* blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(blanks) - first + 1);
  }

  std::span<const std::uint8_t> formatted_;
  std::span<const std::uint8_t> texts_;
};

std::optional<std::string> uuidOf(const Structure& system, bool mixedEndian) {
  const auto bytes = system.bytes(uuidOffset, uuidBytes);
  if (bytes.empty()) return std::nullopt;
  const auto all = [&](std::uint8_t value) {
    return std::all_of(bytes.begin(), bytes.end(), [&](std::uint8_t byte) { return byte == value; });
  };
  if (all(0x00) || all(0xff)) return std::nullopt;
  // From 2.6 on the first three fields are little-endian; before, firmware had them as they are written.
  constexpr std::array<std::size_t, uuidBytes> swapped{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  std::string text;
  for (std::size_t i = 0; i < uuidBytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    const std::uint8_t byte = bytes[mixedEndian ? swapped[i] : i];
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

void readFirmware(const Structure& from, Facts& facts) {
  facts.firmwareVendor = from.text(0x04);
  facts.firmwareVersion = from.text(0x05);
  facts.firmwareDate = from.text(0x08);
}

void readSystem(const Structure& from, bool mixedEndian, Facts& facts) {
  facts.manufacturer = from.text(0x04);
  facts.model = from.text(0x05);
  facts.modelVersion = from.text(0x06);
  facts.serial = from.text(0x07);
  facts.uuid = uuidOf(from, mixedEndian);
  facts.skuNumber = from.text(0x19);
  facts.family = from.text(0x1a);
}

void readBoard(const Structure& from, Facts& facts) {
  facts.boardManufacturer = from.text(0x04);
  facts.boardProduct = from.text(0x05);
  facts.boardSerial = from.text(0x07);
}

void readChassis(const Structure& from, Facts& facts) {
  if (const auto type = from.bytes(0x05, 1); !type.empty()) facts.chassisType = type[0] & 0x7f;
  facts.chassisSerial = from.text(0x07);
  facts.assetTag = from.text(0x08);
}

} // namespace

Facts read(std::span<const std::uint8_t> table, std::uint8_t major, std::uint8_t minor) {
  const bool mixedEndian = major > 2 || (major == 2 && minor >= 6);
  Facts facts;
  std::array<bool, 4> seen{};
  while (table.size() >= headerBytes) {
    const std::uint8_t type = table[0];
    const std::size_t length = table[1];
    if (type == endType || length < headerBytes || length > table.size()) break;
    const auto behind = table.subspan(length);
    // The texts end with two zeros, also where there are none.
    constexpr std::array<std::uint8_t, 2> ending{0, 0};
    const auto end = std::search(behind.begin(), behind.end(), ending.begin(), ending.end());
    const Structure structure(table.first(length), {behind.begin(), end});
    table = end == behind.end()
                ? std::span<const std::uint8_t>{}
                : behind.subspan(static_cast<std::size_t>(end - behind.begin()) + ending.size());
    if (type > chassisType || seen[type]) continue;
    seen[type] = true;
    if (type == firmwareType) readFirmware(structure, facts);
    if (type == systemType) readSystem(structure, mixedEndian, facts);
    if (type == boardType) readBoard(structure, facts);
    if (type == chassisType) readChassis(structure, facts);
  }
  return facts;
}

} // namespace volley::smbios
