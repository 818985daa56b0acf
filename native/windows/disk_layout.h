// The partitions of a disk and the volumes on them.
#pragma once
#include "port/windows_machine.h"
#include "windows/volumes.h"

namespace volley::windows {

// Fills `style` and `partitions` of the disk whose handle and number these are.
void readLayout(HANDLE handle, const std::vector<Volume>& volumes, Disk& disk);

} // namespace volley::windows
