#include "windows/text.h"
#include <windows.h>

namespace volley {

std::wstring wide(std::string_view utf8) {
  const int from = static_cast<int>(utf8.size());
  std::wstring result(
      static_cast<std::size_t>(::MultiByteToWideChar(CP_UTF8, 0, utf8.data(), from, nullptr, 0)), L'\0');
  ::MultiByteToWideChar(CP_UTF8, 0, utf8.data(), from, result.data(), static_cast<int>(result.size()));
  return result;
}

std::string narrow(std::wstring_view utf16) {
  const int from = static_cast<int>(utf16.size());
  const int bytes = ::WideCharToMultiByte(CP_UTF8, 0, utf16.data(), from, nullptr, 0, nullptr, nullptr);
  std::string result(static_cast<std::size_t>(bytes), '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, utf16.data(), from, result.data(), bytes, nullptr, nullptr);
  return result;
}

} // namespace volley
