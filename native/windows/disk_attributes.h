// Whether Windows keeps a disk offline or read-only: ntdddisk.h and winioctl.h of the Windows SDK have these,
// mingw's do not.
#pragma once
#include "windows/device_control.h"
#include <cstdint>
#include <winioctl.h>

namespace volley {

constexpr std::uint64_t diskOffline = 1, diskReadOnly = 2;

// None where it cannot be asked.
inline std::uint64_t diskAttributes(HANDLE disk) {
  constexpr DWORD get = CTL_CODE(IOCTL_DISK_BASE, 0x003c, METHOD_BUFFERED, FILE_ANY_ACCESS);
  struct {
    DWORD version, reserved;
    std::uint64_t attributes;
  } answer{sizeof answer, 0, 0};
  static_assert(sizeof answer == 16);
  return askDevice(disk, get, answer) == 0 ? answer.attributes : 0;
}

// Until the next restart. Gives the system's error, 0 when it is done.
inline int setDiskOffline(HANDLE disk, bool offline) {
  constexpr DWORD set =
      CTL_CODE(IOCTL_DISK_BASE, 0x003d, METHOD_BUFFERED, FILE_READ_ACCESS | FILE_WRITE_ACCESS);
  struct {
    DWORD version;
    BYTE persist, reserved[3];
    std::uint64_t attributes, mask;
    DWORD reservedToo[4];
  } order{sizeof order, 0, {}, offline ? diskOffline : 0, diskOffline, {}};
  static_assert(sizeof order == 40);
  return orderDevice(disk, set, order);
}

} // namespace volley
