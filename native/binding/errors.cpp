#include "binding/errors.h"
#include "core/manifest.h"
#include <new>

namespace volley::binding {

Napi::Error toJavaScript(Napi::Env env, const EngineError& error) {
  Napi::Error result = Napi::Error::New(env, error.message());
  result.Set("code", Napi::String::New(env, error.code));
  result.Set("systemError", Napi::Number::New(env, error.systemError));
  result.Set("call", Napi::String::New(env, error.call));
  result.Set("device", Napi::String::New(env, error.device));
  result.Set("offset", Napi::Number::New(env, static_cast<double>(error.offset)));
  result.Set("chunk", Napi::Number::New(env, static_cast<double>(error.chunk)));
  return result;
}

EngineError engineError(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const EngineError& error) {
    return error;
  } catch (const ManifestError& error) {
    return EngineError(code::manifestInvalid, error.what());
  } catch (const std::bad_alloc&) {
    return EngineError(code::outOfMemory, "no memory for the buffers");
  } catch (const std::exception& error) {
    return EngineError(code::internal, error.what());
  }
}

} // namespace volley::binding
