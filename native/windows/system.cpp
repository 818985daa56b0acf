#include "port/windows_machine.h"
#include "windows/handle.h"
#include "windows/registry.h"
#include "windows/text.h"

namespace volley::windows {
namespace {

constexpr DWORD smbiosProvider = 'R' << 24 | 'S' << 16 | 'M' << 8 | 'B';
constexpr std::size_t tableHeaderBytes = 8; // RawSMBIOSData of the documentation
constexpr DWORD tableBytesMost = 1 << 20;
constexpr const wchar_t* globalVariables = L"{8be4df61-93ca-11d2-aa0d-00e098032b8c}"; // UEFI 3.3

// A function that not every Windows has; null where this one does not.
template <class Function> Function find(HMODULE library, const char* name) {
  return library ? reinterpret_cast<Function>(reinterpret_cast<void*>(::GetProcAddress(library, name)))
                 : nullptr;
}

// Reading a variable of the firmware takes this privilege, which administrators have and have to switch on.
void allowFirmwareVariables() {
  HANDLE opened = nullptr;
  if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &opened) == 0) return;
  const Handle token(opened);
  TOKEN_PRIVILEGES wanted{};
  wanted.PrivilegeCount = 1;
  wanted.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
  if (::LookupPrivilegeValueW(nullptr, L"SeSystemEnvironmentPrivilege", &wanted.Privileges[0].Luid) != 0)
    ::AdjustTokenPrivileges(token.get(), FALSE, &wanted, 0, nullptr, nullptr);
}

const char* firmware() {
  using Ask = BOOL(WINAPI*)(int*);
  int kind = 0; // FIRMWARE_TYPE
  const auto ask = find<Ask>(::GetModuleHandleW(L"kernel32.dll"), "GetFirmwareType");
  if (ask != nullptr && ask(&kind) != 0 && kind == 1) return "bios";
  if (kind == 2) return "uefi";
  return "unknown";
}

std::optional<bool> secureBoot() {
  if (const auto state =
          registryNumber(L"SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State", L"UEFISecureBootEnabled"))
    return *state != 0;
  allowFirmwareVariables();
  std::uint8_t value = 0;
  const DWORD bytes = ::GetFirmwareEnvironmentVariableW(L"SecureBoot", globalVariables, &value, sizeof value);
  return bytes == sizeof value ? std::optional(value != 0) : std::nullopt;
}

// tbs.dll is an optional part of WinPE.
const char* trustedPlatformModule() {
  struct DeviceInfo { // TPM_DEVICE_INFO
    UINT32 structVersion, tpmVersion, interfaceType, implementationRevision;
  };
  using Ask = UINT32(WINAPI*)(UINT32, void*);
  const HMODULE library = ::LoadLibraryExW(L"tbs.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
  const auto ask = find<Ask>(library, "Tbsi_GetDeviceInfo");
  DeviceInfo info{};
  const bool told = ask != nullptr && ask(sizeof info, &info) == 0;
  if (library != nullptr) ::FreeLibrary(library);
  if (!told) return nullptr;
  return info.tpmVersion == 2 ? "2.0" : info.tpmVersion == 1 ? "1.2" : nullptr;
}

bool isElevated() {
  HANDLE opened = nullptr;
  if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &opened) == 0) return false;
  const Handle token(opened);
  TOKEN_ELEVATION elevation{};
  DWORD bytes = 0;
  return ::GetTokenInformation(token.get(), TokenElevation, &elevation, sizeof elevation, &bytes) != 0 &&
         elevation.TokenIsElevated != 0;
}

void readPower(System& into) {
  constexpr BYTE unknown = 255, noBattery = 128;
  SYSTEM_POWER_STATUS power{};
  if (::GetSystemPowerStatus(&power) == 0) return;
  const bool withoutBattery = power.BatteryFlag != unknown && (power.BatteryFlag & noBattery) != 0;
  if (withoutBattery)
    into.mainsPower = true;
  else if (power.ACLineStatus != unknown)
    into.mainsPower = power.ACLineStatus == 1;
  if (!withoutBattery && power.BatteryLifePercent <= 100) into.batteryPercent = power.BatteryLifePercent;
}

// Of the system itself: what programs are told otherwise depends on what they say they know.
std::string version() {
  using Ask = LONG(WINAPI*)(OSVERSIONINFOW*);
  OSVERSIONINFOW info{};
  info.dwOSVersionInfoSize = sizeof info;
  const auto ask = find<Ask>(::GetModuleHandleW(L"ntdll.dll"), "RtlGetVersion");
  if (ask == nullptr || ask(&info) != 0) return "";
  return std::to_string(info.dwMajorVersion) + "." + std::to_string(info.dwMinorVersion) + "." +
         std::to_string(info.dwBuildNumber);
}

} // namespace

FirmwareTable firmwareTable() {
  FirmwareTable table;
  const UINT bytes = ::GetSystemFirmwareTable(smbiosProvider, 0, nullptr, 0);
  if (bytes < tableHeaderBytes || bytes > tableBytesMost) return table;
  std::vector<std::uint8_t> raw(bytes);
  if (::GetSystemFirmwareTable(smbiosProvider, 0, raw.data(), bytes) != bytes) return table;
  table.major = raw[1];
  table.minor = raw[2];
  table.bytes.assign(raw.begin() + tableHeaderBytes, raw.end());
  return table;
}

System system() {
  System result;
  result.winPe = hasKey(L"SYSTEM\\CurrentControlSet\\Control\\MiniNT");
  result.elevated = isElevated();
  result.firmware = firmware();
  result.secureBoot = secureBoot();
  result.tpm = trustedPlatformModule();
  readPower(result);
  wchar_t folder[MAX_PATH];
  const UINT length = ::GetSystemWindowsDirectoryW(folder, MAX_PATH);
  if (length < MAX_PATH) result.windowsFolder = narrow({folder, length});
  result.version = version();
  return result;
}

} // namespace volley::windows
