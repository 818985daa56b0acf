// Between UTF-8, which is what the rest of Volley speaks, and the UTF-16 of Windows. What is not valid in the
// one becomes U+FFFD in the other.
#pragma once
#include <string>
#include <string_view>

namespace volley {

std::wstring wide(std::string_view utf8);
std::string narrow(std::wstring_view utf16);

} // namespace volley
