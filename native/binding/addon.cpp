#include "binding/exports.h"
#include "binding/system_exports.h"

namespace volley::binding {

static Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("importContent", Napi::Function::New<importContent>(env, "importContent"));
  exports.Set("verifyContent", Napi::Function::New<verifyContent>(env, "verifyContent"));
  exports.Set("hashDisk", Napi::Function::New<hashDisk>(env, "hashDisk"));
  exports.Set("rewriteDisk", Napi::Function::New<rewriteDisk>(env, "rewriteDisk"));
  exports.Set("buildManifest", Napi::Function::New<buildManifest>(env, "buildManifest"));
  exports.Set("readManifest", Napi::Function::New<readManifest>(env, "readManifest"));
  exports.Set("receiverKey", Napi::Function::New<receiverKey>(env, "receiverKey"));
  exports.Set("openCaster", Napi::Function::New<openCaster>(env, "openCaster"));
  exports.Set("openReceiver", Napi::Function::New<openReceiver>(env, "openReceiver"));
  exports.Set("openIgmpSocket", Napi::Function::New<openIgmpSocket>(env, "openIgmpSocket"));
  exports.Set("openGroupEar", Napi::Function::New<openGroupEar>(env, "openGroupEar"));
  addSystemExports(env, exports);
  return exports;
}

NODE_API_MODULE(volley, initialise)

} // namespace volley::binding
