// From what a port or the standard library throws to the engine's own error.
#pragma once
#include "engine/error.h"
#include "port/error.h"
#include <new>
#include <system_error>

namespace volley {

inline EngineError fromPort(const char* errorCode, std::string detail, const PortError& error) {
  EngineError result(errorCode, std::move(detail));
  result.system(error.systemError, error.call);
  return result;
}

// Runs `work` and says E_OUT_OF_MEMORY where memory or threads could not be had.
template <class Work> auto guardMemory(Work&& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    throw EngineError(code::outOfMemory, "no memory for the buffers");
  } catch (const std::system_error& error) {
    EngineError result(code::outOfMemory, "a thread cannot be started");
    throw result.system(error.code().value(), "pthread_create");
  }
}

} // namespace volley
