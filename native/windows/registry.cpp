#include "windows/registry.h"

namespace volley {
namespace {

constexpr DWORD valueBytesMost = 64 * 1024;

} // namespace

bool hasKey(const wchar_t* key) {
  HKEY opened = nullptr;
  if (::RegOpenKeyExW(HKEY_LOCAL_MACHINE, key, 0, KEY_READ, &opened) != ERROR_SUCCESS) return false;
  ::RegCloseKey(opened);
  return true;
}

std::optional<DWORD> registryNumber(const wchar_t* key, const wchar_t* value) {
  DWORD number = 0;
  DWORD bytes = sizeof number;
  const LSTATUS status =
      ::RegGetValueW(HKEY_LOCAL_MACHINE, key, value, RRF_RT_REG_DWORD, nullptr, &number, &bytes);
  return status == ERROR_SUCCESS ? std::optional(number) : std::nullopt;
}

std::vector<std::wstring> registryTexts(const wchar_t* key, const wchar_t* value) {
  constexpr DWORD kinds = RRF_RT_REG_SZ | RRF_RT_REG_MULTI_SZ;
  DWORD bytes = 0;
  if (::RegGetValueW(HKEY_LOCAL_MACHINE, key, value, kinds, nullptr, nullptr, &bytes) != ERROR_SUCCESS)
    return {};
  if (bytes > valueBytesMost) return {};
  std::wstring data(bytes / sizeof(wchar_t) + 2, L'\0');
  bytes = static_cast<DWORD>(data.size() * sizeof(wchar_t));
  if (::RegGetValueW(HKEY_LOCAL_MACHINE, key, value, kinds, nullptr, data.data(), &bytes) != ERROR_SUCCESS)
    return {};
  std::vector<std::wstring> texts;
  for (std::size_t at = 0; at < data.size() && data[at] != L'\0';) {
    texts.emplace_back(data.c_str() + at);
    at += texts.back().size() + 1;
  }
  return texts;
}

} // namespace volley
