#include "engine/content_request.h"
#include <algorithm>
#include <charconv>
#include <span>

namespace volley {
namespace {

template <class Integer> bool readNumber(std::string_view text, Integer& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

bool equalIgnoringCase(std::string_view one, std::string_view other) {
  const auto lower = [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter; };
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes what is before `separator`, or all, and removes it with the separator.
std::string_view take(std::string_view& text, std::string_view separator) {
  const std::size_t at = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(text.size(), at + separator.size()));
  return part;
}

// The value of a header field, and whether it is there exactly once. All our fields may be there once.
struct Field {
  std::string_view value;
  std::size_t count = 0;
};
Field find(std::string_view fields, std::string_view name) {
  Field found;
  while (!fields.empty()) {
    std::string_view line = take(fields, "\r\n");
    if (!equalIgnoringCase(take(line, ":"), name)) continue;
    found.value = trim(line);
    ++found.count;
  }
  return found;
}

std::optional<ContentRange> readRange(std::string_view text, std::string_view unit) {
  ContentRange range{};
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  const std::string_view first = take(text, "-");
  if (!readNumber(first, range.first) || !readNumber(text, range.last) || range.first > range.last)
    return std::nullopt;
  return range;
}

bool readHex(std::string_view text, std::span<std::uint8_t> out) {
  if (text.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char* at = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(at, at + 2, out[i], 16);
    if (error != std::errc() || end != at + 2) return false;
  }
  return true;
}

// "Volley receiver=<number>, counter=<number>, tag=<32 hex digits>", in this order.
bool readAuthorization(std::string_view text, ContentRequest& request) {
  constexpr std::string_view scheme = "Volley ", receiver = "receiver=", counter = "counter=", tag = "tag=";
  if (!text.starts_with(scheme)) return false;
  text.remove_prefix(scheme.size());
  const auto part = [&text](std::string_view name) {
    std::string_view value = trim(take(text, ","));
    if (!value.starts_with(name)) return std::string_view();
    return value.substr(name.size());
  };
  return readNumber(part(receiver), request.receiver) && readNumber(part(counter), request.counter) &&
         readHex(part(tag), request.tag) && text.empty();
}

std::string_view reason(int status) {
  switch (status) {
    case 206: return "Partial Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 416: return "Range Not Satisfiable";
    case 431: return "Request Header Fields Too Large";
    default: return "Service Unavailable";
  }
}

std::string rangeText(const ContentRange& range) {
  return std::to_string(range.first) + "-" + std::to_string(range.last);
}

} // namespace

std::string signedText(std::string_view range, std::uint64_t counter) {
  return "GET /content\n" + std::string(range) + "\n" + std::to_string(counter) + "\n";
}

std::string writeContentRequest(const ContentRange& range, std::string_view host, std::uint32_t receiver,
                                std::uint64_t counter, const blake3::Key& key) {
  const std::string bytes = "bytes=" + rangeText(range);
  const std::string text = signedText(bytes, counter);
  const blake3::Hash tag = blake3::keyedHash(key, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  std::string hex;
  for (std::size_t i = 0; i < 16; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    hex += digits[tag[i] >> 4];
    hex += digits[tag[i] & 15];
  }
  return "GET /content HTTP/1.1\r\nHost: " + std::string(host) + "\r\nRange: " + bytes +
         "\r\nAuthorization: Volley receiver=" + std::to_string(receiver) + ", counter=" + std::to_string(counter) +
         ", tag=" + hex + "\r\n\r\n";
}

ContentRequest readContentRequest(std::string_view head) {
  ContentRequest request;
  std::string_view line = take(head, "\r\n");
  const std::string_view verb = take(line, " ");
  const std::string_view path = take(line, " ");
  if (verb.empty() || path.empty() || (line != "HTTP/1.1" && line != "HTTP/1.0")) return request;
  const Field connection = find(head, "Connection");
  request.keepAlive = line == "HTTP/1.1" && !equalIgnoringCase(connection.value, "close");
  const Field length = find(head, "Content-Length");
  if ((length.count > 0 && length.value != "0") || find(head, "Transfer-Encoding").count > 0) return request;
  const Field range = find(head, "Range"), authorization = find(head, "Authorization");
  if (range.count > 1 || authorization.count > 1) return request;
  request.verdict = ContentRequest::Verdict::notFound;
  if (path != "/content") return request;
  request.verdict = ContentRequest::Verdict::notAllowed;
  if (verb != "GET") return request;
  request.range = std::string(range.value);
  request.bytes = readRange(range.value, "bytes=");
  request.verdict = readAuthorization(authorization.value, request) ? ContentRequest::Verdict::ok
                                                                    : ContentRequest::Verdict::unauthorized;
  return request;
}

std::string writeContentAnswer(int status, std::optional<ContentRange> bytes, std::uint64_t total, bool keepAlive) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason(status)) + "\r\n";
  const std::uint64_t length = bytes ? bytes->last - bytes->first + 1 : 0;
  text += "Content-Length: " + std::to_string(length) + "\r\n";
  if (bytes) {
    text += "Content-Type: application/octet-stream\r\nContent-Range: bytes " + rangeText(*bytes) + "/" +
            std::to_string(total) + "\r\n";
  }
  if (status == 401) text += "WWW-Authenticate: Volley\r\n";
  if (status == 405) text += "Allow: GET\r\n";
  if (status == 416) text += "Content-Range: bytes */" + std::to_string(total) + "\r\n";
  if (status == 503) text += "Retry-After: 1\r\n";
  if (!keepAlive) text += "Connection: close\r\n";
  return text + "\r\n";
}

ContentAnswer readContentAnswer(std::string_view head) {
  ContentAnswer answer;
  std::string_view line = take(head, "\r\n");
  const std::string_view version = take(line, " ");
  int status = 0;
  const Field length = find(head, "Content-Length");
  if (version != "HTTP/1.1" || !readNumber(take(line, " "), status) || length.count != 1 ||
      !readNumber(length.value, answer.length))
    return answer;
  answer.keepAlive = !equalIgnoringCase(find(head, "Connection").value, "close");
  std::string_view range = find(head, "Content-Range").value;
  answer.bytes = readRange(take(range, "/"), "bytes ");
  answer.status = status;
  return answer;
}

} // namespace volley
