// Values of HKEY_LOCAL_MACHINE.
#pragma once
#include "windows/handle.h"
#include <optional>
#include <string>
#include <vector>

namespace volley {

bool hasKey(const wchar_t* key);
std::optional<DWORD> registryNumber(const wchar_t* key, const wchar_t* value);
// Of a REG_SZ one text, of a REG_MULTI_SZ all; none where it is not there.
std::vector<std::wstring> registryTexts(const wchar_t* key, const wchar_t* value);

} // namespace volley
