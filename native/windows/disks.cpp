#include "port/windows_machine.h"
#include "windows/disk_attributes.h"
#include "windows/disk_layout.h"
#include "windows/registry.h"
#include "windows/text.h"
#include "windows/volumes.h"
#include <algorithm>
#include <array>
#include <memory>

namespace volley::windows {
namespace {

constexpr std::uint32_t disksMost = 128;
constexpr std::size_t propertyBytes = 4096;
constexpr std::size_t pathCharacters = 32768;

struct alignas(8) Property {
  std::uint8_t bytes[propertyBytes] = {};
  std::size_t length = 0;
};

Property askProperty(HANDLE disk, STORAGE_PROPERTY_ID id) {
  STORAGE_PROPERTY_QUERY query{};
  query.PropertyId = id;
  query.QueryType = PropertyStandardQuery;
  Property property;
  const ControlAnswer answer =
      controlDevice(disk, IOCTL_STORAGE_QUERY_PROPERTY, &query, sizeof query, property.bytes,
                    sizeof property.bytes - 1); // a text in it ends at the latest there
  if (answer.error == 0) property.length = answer.bytes;
  return property;
}

const char* busName(STORAGE_BUS_TYPE type) {
  constexpr std::array<const char*, 20> names{"unknown", "scsi",    "atapi",  "ata",  "1394", "ssa", "fibre",
                                              "usb",     "raid",    "iscsi",  "sas",  "sata", "sd",  "mmc",
                                              "virtual", "virtual", "spaces", "nvme", "scm",  "ufs"};
  const auto number = static_cast<std::size_t>(type);
  return number < names.size() ? names[number] : "unknown";
}

void readDescriptor(HANDLE handle, Disk& disk) {
  const Property property = askProperty(handle, StorageDeviceProperty);
  if (property.length < offsetof(STORAGE_DEVICE_DESCRIPTOR, RawDeviceProperties)) return;
  const auto& told = *reinterpret_cast<const STORAGE_DEVICE_DESCRIPTOR*>(property.bytes);
  const auto text = [&](DWORD offset) -> std::string {
    if (offset == 0 || offset >= property.length) return "";
    const std::string found = reinterpret_cast<const char*>(property.bytes) + offset;
    const std::size_t first = found.find_first_not_of(' ');
    return first == std::string::npos ? "" : found.substr(first, found.find_last_not_of(' ') - first + 1);
  };
  disk.vendor = text(told.VendorIdOffset);
  disk.model = text(told.ProductIdOffset);
  disk.serial = text(told.SerialNumberOffset);
  disk.bus = busName(told.BusType);
  disk.removable = told.RemovableMedia != 0;
}

// The first name that the device itself has for the whole of it (SPC, page 0x83): NAA, EUI-64 or a SCSI name.
std::string uniqueIdOf(HANDLE handle) {
  const Property property = askProperty(handle, StorageDeviceIdProperty);
  constexpr std::size_t listOffset = offsetof(STORAGE_DEVICE_ID_DESCRIPTOR, Identifiers);
  constexpr std::size_t nameOffset = offsetof(STORAGE_IDENTIFIER, Identifier);
  if (property.length < listOffset) return "";
  const auto& told = *reinterpret_cast<const STORAGE_DEVICE_ID_DESCRIPTOR*>(property.bytes);
  std::size_t at = listOffset;
  for (DWORD left = told.NumberOfIdentifiers; left > 0 && at + nameOffset <= property.length; --left) {
    const auto& one = *reinterpret_cast<const STORAGE_IDENTIFIER*>(property.bytes + at);
    const std::uint8_t* name = property.bytes + at + nameOffset;
    const bool inside = one.IdentifierSize <= property.length - at - nameOffset;
    const bool wanted = one.Association == StorageIdAssocDevice &&
                        (one.Type == StorageIdTypeFCPHName || one.Type == StorageIdTypeEUI64 ||
                         one.Type == StorageIdTypeScsiNameString);
    if (inside && wanted) {
      if (one.CodeSet != StorageIdCodeSetBinary) return std::string(name, name + one.IdentifierSize).c_str();
      std::string hex;
      for (WORD i = 0; i < one.IdentifierSize; ++i) {
        hex += "0123456789abcdef"[name[i] >> 4];
        hex += "0123456789abcdef"[name[i] & 15];
      }
      return hex;
    }
    if (one.NextOffset == 0) break;
    at += one.NextOffset;
  }
  return "";
}

// False where there is no medium.
bool readSize(HANDLE handle, Disk& disk) {
  alignas(8) std::uint8_t answer[1024];
  if (controlDevice(handle, IOCTL_DISK_GET_DRIVE_GEOMETRY_EX, nullptr, 0, answer, sizeof answer).error != 0)
    return false;
  const auto& geometry = *reinterpret_cast<const DISK_GEOMETRY_EX*>(answer);
  disk.sizeBytes = static_cast<std::uint64_t>(geometry.DiskSize.QuadPart);
  if (geometry.Geometry.BytesPerSector != 0) disk.sectorBytes = geometry.Geometry.BytesPerSector;
  disk.physicalSectorBytes = disk.sectorBytes;
  const Property alignment = askProperty(handle, StorageAccessAlignmentProperty);
  if (alignment.length >= sizeof(STORAGE_ACCESS_ALIGNMENT_DESCRIPTOR)) {
    const DWORD bytes =
        reinterpret_cast<const STORAGE_ACCESS_ALIGNMENT_DESCRIPTOR*>(alignment.bytes)->BytesPerPhysicalSector;
    if (bytes != 0) disk.physicalSectorBytes = bytes;
  }
  return disk.sizeBytes > 0;
}

std::optional<Disk> readDisk(std::uint32_t number, const std::vector<Volume>& volumes) {
  Disk disk;
  disk.number = number;
  disk.path = "\\\\.\\PhysicalDrive" + std::to_string(number);
  // Without the right to read or write, so that it takes no administrator.
  const Handle handle(::CreateFileW(wide(disk.path).c_str(), 0, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                                    OPEN_EXISTING, 0, nullptr));
  if (!handle || !readSize(handle.get(), disk)) return std::nullopt;
  readDescriptor(handle.get(), disk);
  disk.uniqueId = uniqueIdOf(handle.get());
  const std::uint64_t attributes = diskAttributes(handle.get());
  disk.offline = (attributes & diskOffline) != 0;
  disk.readOnly = (attributes & diskReadOnly) != 0 ||
                  orderDevice(handle.get(), IOCTL_DISK_IS_WRITABLE) == ERROR_WRITE_PROTECT;
  readLayout(handle.get(), volumes, disk);
  return disk;
}

std::wstring programPath() {
  std::wstring path(pathCharacters, L'\0');
  path.resize(::GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size())));
  return path;
}

// What the running system stands on, and a path on the volume of each.
std::vector<std::pair<const char*, std::wstring>> foundations() {
  std::vector<std::pair<const char*, std::wstring>> found;
  wchar_t folder[MAX_PATH];
  if (::GetSystemWindowsDirectoryW(folder, MAX_PATH) - 1 < MAX_PATH - 1)
    found.emplace_back("windows", folder);
  found.emplace_back("program", programPath());
  // wpeutil UpdateBootInfo, which wpeinit runs, puts it down.
  for (std::wstring& drive :
       registryTexts(L"SYSTEM\\CurrentControlSet\\Control", L"PEBootRamdiskSourceDrive"))
    found.emplace_back("boot medium", std::move(drive));
  const wchar_t* memory = L"SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management";
  for (const std::wstring& file : registryTexts(memory, L"ExistingPageFiles"))
    found.emplace_back("page file", file.starts_with(L"\\??\\") ? file.substr(4) : file);
  return found;
}

} // namespace

std::vector<Disk> disks() {
  const std::vector<Volume> volumes = listVolumes();
  std::vector<Disk> result;
  for (std::uint32_t number = 0; number < disksMost; ++number) {
    if (auto disk = readDisk(number, volumes)) result.push_back(std::move(*disk));
  }
  for (const auto& [use, path] : foundations()) {
    for (const VolumeExtent& extent : extentsBelow(path)) {
      const auto disk = std::find_if(result.begin(), result.end(),
                                     [&](const Disk& one) { return one.number == extent.disk; });
      if (disk == result.end()) continue;
      auto& uses = disk->systemUses;
      if (std::find(uses.begin(), uses.end(), use) == uses.end()) uses.emplace_back(use);
    }
  }
  return result;
}

} // namespace volley::windows
