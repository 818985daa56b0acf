// The one error that leaves the engine. It carries what the error registry (contract/errors.ts) and the
// person at the machine need: our code, the system's number, the call, the device or file, where on it, and
// which chunk. A plain value: copy it across threads and keep it as long as you like.
#pragma once
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace volley {

// The registry's codes that native code raises. The names are the contract; a test compares them with it.
namespace code {
inline constexpr const char* cancelled = "E_CANCELLED";
inline constexpr const char* deviceOpen = "E_DEVICE_OPEN";
inline constexpr const char* deviceRead = "E_DEVICE_READ";
inline constexpr const char* deviceWrite = "E_DEVICE_WRITE";
inline constexpr const char* deviceFull = "E_DEVICE_FULL";
inline constexpr const char* deviceFlush = "E_DEVICE_FLUSH";
inline constexpr const char* deviceTooSmall = "E_DEVICE_TOO_SMALL";
inline constexpr const char* deviceMismatch = "E_DEVICE_MISMATCH";
inline constexpr const char* sourceRead = "E_SOURCE_READ";
inline constexpr const char* imageTruncated = "E_IMAGE_TRUNCATED";
inline constexpr const char* contentCorrupt = "E_CONTENT_CORRUPT";
inline constexpr const char* contentRead = "E_CONTENT_READ";
inline constexpr const char* contentWrite = "E_CONTENT_WRITE";
inline constexpr const char* manifestInvalid = "E_MANIFEST_INVALID";
inline constexpr const char* socket = "E_SOCKET";
inline constexpr const char* groupJoin = "E_GROUP_JOIN";
inline constexpr const char* rawSocket = "E_RAW_SOCKET";
inline constexpr const char* outOfMemory = "E_OUT_OF_MEMORY";
inline constexpr const char* internal = "E_INTERNAL";
} // namespace code

struct EngineError : std::exception {
  std::string code;         // one of volley::code
  std::string detail;       // what happened, a clause without a full stop; may be empty
  int systemError = 0;      // errno or the Windows error number; 0 when the system was not involved
  std::string call;         // the system call or operation, for example "pwrite"; may be empty
  std::string device;       // device or file; may be empty
  std::int64_t offset = -1; // byte offset on `device`, or -1
  std::int64_t chunk = -1;  // chunk of the image, or -1

  EngineError(std::string errorCode, std::string what) : code(std::move(errorCode)), detail(std::move(what)) {
    compose();
  }

  // Each of these completes the error and returns it, so that one expression can be thrown.
  EngineError& system(int number, std::string callName) {
    systemError = number;
    call = std::move(callName);
    return compose();
  }
  EngineError& on(std::string deviceName, std::int64_t atOffset = -1) {
    device = std::move(deviceName);
    offset = atOffset;
    return compose();
  }
  EngineError& inChunk(std::int64_t number) {
    chunk = number;
    return compose();
  }

  // A sentence with everything that is known, for example
  // "the disk is full: pwrite on /dev/sda at byte 1048576 (chunk 1): No space left on device".
  const std::string& message() const { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

private:
  EngineError& compose(); // native/engine/error.cpp
  std::string message_;
};

} // namespace volley
