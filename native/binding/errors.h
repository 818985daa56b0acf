// Native failures as JavaScript errors with the fields of NativeError (native/index.ts).
#pragma once
#include "engine/error.h"
#include <exception>
#include <napi.h>

namespace volley::binding {

Napi::Error toJavaScript(Napi::Env env, const EngineError& error);

// Whatever was thrown, as the engine's error; what is not one of ours becomes E_INTERNAL, E_OUT_OF_MEMORY or,
// from a manifest, E_MANIFEST_INVALID.
EngineError engineError(const std::exception_ptr& thrown);

// Runs `work` on JavaScript's thread; native exceptions leave as JavaScript ones.
template <class Work> auto guarded(Napi::Env env, Work&& work) {
  try {
    return work();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw toJavaScript(env, engineError(std::current_exception()));
  }
}

} // namespace volley::binding
