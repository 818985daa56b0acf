// What Windows says of the machine (native/windows-machine.ts has the meaning of each field). There is none
// of it on another system. Safe on any thread; what the system does not tell is empty, and nothing throws but
// for memory.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace volley::windows {

// The structures of SMBIOS as they are (core/smbios.h reads them); empty where the firmware has none.
struct FirmwareTable {
  std::uint8_t major = 0, minor = 0;
  std::vector<std::uint8_t> bytes;
};
FirmwareTable firmwareTable();

struct System {
  bool winPe = false;
  bool elevated = false;
  const char* firmware = "unknown"; // or "bios", "uefi"
  std::optional<bool> secureBoot;
  const char* tpm = nullptr; // "1.2" or "2.0"
  std::optional<bool> mainsPower;
  std::optional<std::uint8_t> batteryPercent;
  std::string windowsFolder;
  std::string version;
};
System system();

struct AdapterAddress {
  std::string address;
  std::uint8_t prefixBits;
};
struct Adapter {
  std::string name, description;
  std::string macAddress;
  const char* kind = "other"; // or "wired", "wireless", "loopback"
  std::optional<bool> hardware;
  bool up = false;
  std::vector<AdapterAddress> addresses;
  std::vector<std::string> gateways;
  std::optional<std::uint32_t> mtuBytes;
  std::optional<double> speedMbps;
};
std::vector<Adapter> adapters();

struct Partition {
  std::uint32_t number = 0;
  std::uint64_t offsetBytes = 0, sizeBytes = 0;
  std::string type, name;
  std::vector<std::string> mountPoints;
  std::string volume;
  std::string fileSystem, label;
};
struct Disk {
  std::uint32_t number = 0;
  std::string path;
  std::uint64_t sizeBytes = 0;
  std::uint32_t sectorBytes = 512, physicalSectorBytes = 512;
  std::string vendor, model, serial;
  const char* bus = "unknown";
  bool removable = false, readOnly = false, offline = false;
  const char* style = "raw"; // or "gpt", "mbr"
  std::string uniqueId;
  std::vector<Partition> partitions;
  std::vector<std::string> systemUses;
};
std::vector<Disk> disks();

} // namespace volley::windows
