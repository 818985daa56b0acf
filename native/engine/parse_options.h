// Options that both ends of a session understand the same way.
#pragma once
#include "core/limits.h"
#include "core/manifest.h"
#include "engine/error.h"
#include "port/socket.h"
#include <cassert>
#include <span>
#include <string>

namespace volley {

// Bytes of a DATA datagram on the wire that are no symbol: IPv4 and UDP headers, our own, the tag.
constexpr std::uint32_t overheadBytes = 20 + 8 + limits::headerBytes + limits::tagBytes;

// docs/PROTOCOL.md 2: the largest multiple of 64 that fits the MTU.
inline std::uint32_t symbolBytesOf(std::uint32_t mtu) {
  assert(mtu >= limits::symbolBytesMin + overheadBytes && mtu <= limits::symbolBytesMax + overheadBytes + 63);
  return (mtu - overheadBytes) / 64 * 64;
}

inline Manifest parseManifest(std::span<const std::uint8_t> file) {
  try {
    return Manifest::parse(file);
  } catch (const ManifestError& error) {
    throw EngineError(code::manifestInvalid, error.what());
  }
}

inline std::uint32_t addressOf(const std::string& dotted) {
  const std::optional<std::uint32_t> address = parseAddress(dotted);
  if (!address) throw EngineError(code::socket, dotted + " is not an IPv4 address");
  return *address;
}

} // namespace volley
