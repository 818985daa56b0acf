#include "windows/disk_layout.h"
#include "windows/device_control.h"
#include "windows/text.h"
#include <algorithm>
#include <cstdio>
#include <winioctl.h>

namespace volley::windows {
namespace {

constexpr std::size_t partitionsMost = 256;
constexpr std::size_t namesCharacters = 32768;

std::string textOf(const GUID& guid) {
  char text[37];
  std::snprintf(text, sizeof text, "%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", guid.Data1,
                guid.Data2, guid.Data3, guid.Data4[0], guid.Data4[1], guid.Data4[2], guid.Data4[3],
                guid.Data4[4], guid.Data4[5], guid.Data4[6], guid.Data4[7]);
  return text;
}

std::vector<std::string> mountPointsOf(const std::wstring& volume) {
  std::vector<wchar_t> names(namesCharacters);
  DWORD length = 0;
  std::vector<std::string> result;
  if (::GetVolumePathNamesForVolumeNameW(volume.c_str(), names.data(), static_cast<DWORD>(names.size()),
                                         &length) == 0)
    return result;
  for (const wchar_t* at = names.data(); *at != L'\0'; at += std::wstring_view(at).size() + 1)
    result.push_back(narrow(at));
  return result;
}

void readVolume(const Volume& volume, Partition& partition) {
  partition.volume = narrow(volume.name);
  partition.mountPoints = mountPointsOf(volume.name);
  wchar_t label[MAX_PATH + 1] = {}, fileSystem[MAX_PATH + 1] = {};
  // A drive without a medium must not ask the person at the machine for one.
  DWORD before = 0;
  ::SetThreadErrorMode(SEM_FAILCRITICALERRORS, &before);
  if (::GetVolumeInformationW(volume.name.c_str(), label, MAX_PATH, nullptr, nullptr, nullptr, fileSystem,
                              MAX_PATH) != 0) {
    partition.label = narrow(label);
    partition.fileSystem = narrow(fileSystem);
  }
  ::SetThreadErrorMode(before, nullptr);
}

Partition readPartition(const PARTITION_INFORMATION_EX& from) {
  Partition partition;
  partition.number = from.PartitionNumber;
  partition.offsetBytes = static_cast<std::uint64_t>(from.StartingOffset.QuadPart);
  partition.sizeBytes = static_cast<std::uint64_t>(from.PartitionLength.QuadPart);
  if (from.PartitionStyle == PARTITION_STYLE_GPT) {
    partition.type = textOf(from.Gpt.PartitionType);
    const wchar_t* end = std::find(std::begin(from.Gpt.Name), std::end(from.Gpt.Name), L'\0');
    partition.name = narrow({from.Gpt.Name, static_cast<std::size_t>(end - from.Gpt.Name)});
  } else {
    char type[5];
    std::snprintf(type, sizeof type, "0x%02x", static_cast<unsigned>(from.Mbr.PartitionType));
    partition.type = type;
  }
  return partition;
}

} // namespace

void readLayout(HANDLE handle, const std::vector<Volume>& volumes, Disk& disk) {
  constexpr std::size_t bytes =
      sizeof(DRIVE_LAYOUT_INFORMATION_EX) + partitionsMost * sizeof(PARTITION_INFORMATION_EX);
  std::vector<std::uint64_t> buffer(bytes / sizeof(std::uint64_t) + 1);
  if (controlDevice(handle, IOCTL_DISK_GET_DRIVE_LAYOUT_EX, nullptr, 0, buffer.data(), bytes).error != 0)
    return;
  const auto& layout = *reinterpret_cast<const DRIVE_LAYOUT_INFORMATION_EX*>(buffer.data());
  if (layout.PartitionStyle == PARTITION_STYLE_GPT)
    disk.style = "gpt";
  else if (layout.PartitionStyle == PARTITION_STYLE_MBR)
    disk.style = "mbr";
  const DWORD count = std::min<DWORD>(layout.PartitionCount, partitionsMost);
  for (DWORD i = 0; i < count; ++i) {
    // Unused entries of an MBR, and its extended partition, have no number.
    if (layout.PartitionEntry[i].PartitionNumber == 0) continue;
    Partition partition = readPartition(layout.PartitionEntry[i]);
    for (const Volume& volume : volumes) {
      const bool here =
          std::any_of(volume.extents.begin(), volume.extents.end(), [&](const VolumeExtent& extent) {
            return extent.disk == disk.number && extent.offset == partition.offsetBytes;
          });
      if (here) readVolume(volume, partition);
    }
    disk.partitions.push_back(std::move(partition));
  }
}

} // namespace volley::windows
