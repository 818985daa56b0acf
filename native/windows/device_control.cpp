#include "windows/device_control.h"

namespace volley {

ControlAnswer controlDevice(HANDLE device, DWORD code, const void* in, std::size_t inBytes, void* out,
                            std::size_t outBytes) {
  static thread_local const Handle done = makeEvent();
  OVERLAPPED overlapped{};
  overlapped.hEvent = done.get();
  DWORD bytes = 0;
  BOOL worked = ::DeviceIoControl(device, code, const_cast<void*>(in), static_cast<DWORD>(inBytes), out,
                                  static_cast<DWORD>(outBytes), &bytes, &overlapped);
  if (worked == 0 && ::GetLastError() == ERROR_IO_PENDING)
    worked = ::GetOverlappedResult(device, &overlapped, &bytes, TRUE);
  return {worked != 0 ? 0 : lastError(), bytes};
}

} // namespace volley
