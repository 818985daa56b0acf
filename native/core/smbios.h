// What a machine's firmware says the machine is: the System Management BIOS structure table of DMTF DSP0134.
// The table comes from the firmware of machines nobody vouches for: whatever is in it, reading it stays
// inside it and ends.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace volley::smbios {

// Texts without blanks at either end; empty where the firmware has none.
struct Facts {
  std::optional<std::string> uuid; // lower case; nothing where it is all zeros or all ones (7.2.1)
  std::string manufacturer, model, modelVersion, serial, skuNumber, family; // type 1
  std::string boardManufacturer, boardProduct, boardSerial;                 // type 2
  std::string chassisSerial, assetTag;                                      // type 3
  std::optional<std::uint8_t> chassisType;                                  // 7.4.1, without the lock bit
  std::string firmwareVendor, firmwareVersion, firmwareDate;                // type 0
};

// `table` holds the structures alone, of a firmware that claims `major.minor`: the bytes of a UUID changed
// their order with 2.6. Of several structures of a kind the first one counts.
Facts read(std::span<const std::uint8_t> table, std::uint8_t major, std::uint8_t minor);

} // namespace volley::smbios
