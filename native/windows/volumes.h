// The volumes that Windows has, mounted or not, and the disks they lie on.
#pragma once
#include "windows/handle.h"
#include <cstdint>
#include <string>
#include <vector>

namespace volley {

struct VolumeExtent {
  std::uint32_t disk;
  std::uint64_t offset; // bytes
  std::uint64_t length;
};

struct Volume {
  std::wstring name; // "\\?\Volume{…}\", with the backslash at the end
  std::vector<VolumeExtent> extents;
};

// Those that tell where they lie.
std::vector<Volume> listVolumes();
std::vector<VolumeExtent> extentsOf(HANDLE volume);
// `name` with or without the backslash at the end. Empty where it cannot be opened: lastError() says why.
Handle openVolume(const std::wstring& name, DWORD access, DWORD flags = 0);
bool liesOn(const Volume& volume, std::uint32_t disk);
// Disks of the volume that holds a file or folder; empty when that cannot be told.
std::vector<VolumeExtent> extentsBelow(const std::wstring& path);

} // namespace volley
