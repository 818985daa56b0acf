#include "windows/volumes.h"
#include "windows/device_control.h"
#include <algorithm>
#include <memory>
#include <winioctl.h>

namespace volley {
namespace {

constexpr std::size_t extentsMost = 128; // a volume of dynamic disks may span as many as there are
constexpr std::size_t volumesMost = 1024;
constexpr std::size_t pathCharacters = 1024;

} // namespace

Handle openVolume(const std::wstring& name, DWORD access, DWORD flags) {
  // With the backslash it would be the root folder.
  std::wstring device = name;
  if (!device.empty() && device.back() == L'\\') device.pop_back();
  return Handle(::CreateFileW(device.c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                              OPEN_EXISTING, flags, nullptr));
}

std::vector<VolumeExtent> extentsOf(HANDLE volume) {
  constexpr std::size_t bytes = offsetof(VOLUME_DISK_EXTENTS, Extents) + extentsMost * sizeof(DISK_EXTENT);
  alignas(VOLUME_DISK_EXTENTS) std::uint8_t buffer[bytes];
  if (controlDevice(volume, IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS, nullptr, 0, buffer, sizeof buffer).error !=
      0)
    return {};
  const auto* found = reinterpret_cast<const VOLUME_DISK_EXTENTS*>(buffer);
  std::vector<VolumeExtent> extents;
  for (DWORD i = 0; i < std::min<DWORD>(found->NumberOfDiskExtents, extentsMost); ++i) {
    const DISK_EXTENT& one = found->Extents[i];
    extents.push_back({one.DiskNumber, static_cast<std::uint64_t>(one.StartingOffset.QuadPart),
                       static_cast<std::uint64_t>(one.ExtentLength.QuadPart)});
  }
  return extents;
}

std::vector<Volume> listVolumes() {
  std::vector<Volume> volumes;
  wchar_t name[pathCharacters];
  const HANDLE search = ::FindFirstVolumeW(name, pathCharacters);
  if (search == INVALID_HANDLE_VALUE) return volumes;
  const std::unique_ptr<void, decltype(&::FindVolumeClose)> closing(search, ::FindVolumeClose);
  do {
    const Handle handle = openVolume(name, 0);
    std::vector<VolumeExtent> extents = handle ? extentsOf(handle.get()) : std::vector<VolumeExtent>{};
    if (!extents.empty()) volumes.push_back({name, std::move(extents)});
  } while (volumes.size() < volumesMost && ::FindNextVolumeW(search, name, pathCharacters) != 0);
  return volumes;
}

bool liesOn(const Volume& volume, std::uint32_t disk) {
  return std::any_of(volume.extents.begin(), volume.extents.end(),
                     [&](const VolumeExtent& extent) { return extent.disk == disk; });
}

std::vector<VolumeExtent> extentsBelow(const std::wstring& path) {
  wchar_t root[pathCharacters];
  wchar_t name[pathCharacters];
  if (::GetVolumePathNameW(path.c_str(), root, pathCharacters) == 0) return {};
  if (::GetVolumeNameForVolumeMountPointW(root, name, pathCharacters) == 0) return {};
  const Handle handle = openVolume(name, 0);
  return handle ? extentsOf(handle.get()) : std::vector<VolumeExtent>{};
}

} // namespace volley
