// The unicast request and its answer as text (docs/PROTOCOL.md, Unicast): written by a receiver, read by the server.
// No sockets here.
#pragma once
#include "core/blake3.h"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace volley {

struct ContentRange {
  std::uint64_t first;
  std::uint64_t last; // included
};

// What is authenticated: the request line's verb and path, the range as it was written, the counter.
std::string signedText(std::string_view range, std::uint64_t counter);

// A whole request, the empty line included.
std::string writeContentRequest(const ContentRange& range, std::string_view host, std::uint32_t receiver,
                                std::uint64_t counter, const blake3::Key& key);

struct ContentRequest {
  // Anything but `ok` is answered with that status and the connection closed.
  enum class Verdict { ok = 200, malformed = 400, unauthorized = 401, notFound = 404, notAllowed = 405 };
  Verdict verdict = Verdict::malformed;
  bool keepAlive = true;
  std::string range; // as written, for `signedText`
  std::optional<ContentRange> bytes; // nothing where it is not one range `bytes=a-b`
  std::uint32_t receiver = 0;
  std::uint64_t counter = 0;
  std::array<std::uint8_t, 16> tag{};
};

// `head` ends with the empty line.
ContentRequest readContentRequest(std::string_view head);

// An answer without a body, or before one: `bytes` and `total` fill Content-Range of a 206; a 416 names the total.
std::string writeContentAnswer(int status, std::optional<ContentRange> bytes, std::uint64_t total, bool keepAlive);

struct ContentAnswer {
  int status = 0; // 0 where it is not such an answer
  std::uint64_t length = 0;
  std::optional<ContentRange> bytes;
  bool keepAlive = true;
};
ContentAnswer readContentAnswer(std::string_view head);

} // namespace volley
