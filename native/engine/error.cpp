#include "engine/error.h"
#include <system_error>

namespace volley {

EngineError& EngineError::compose() {
  std::string where = call;
  if (!device.empty()) where += (where.empty() ? "on " : " on ") + device;
  if (offset >= 0) where += (where.empty() ? "at byte " : " at byte ") + std::to_string(offset);
  if (chunk >= 0) where += (where.empty() ? "(chunk " : " (chunk ") + std::to_string(chunk) + ")";
  message_ = detail;
  if (!where.empty()) message_ += (message_.empty() ? "" : ": ") + where;
  if (systemError != 0) message_ += ": " + std::system_category().message(systemError);
  return *this;
}

} // namespace volley
