// The functions of the interface `Addon` in native/index.ts.
#pragma once
#include <napi.h>

namespace volley::binding {

Napi::Value importContent(const Napi::CallbackInfo& info);
Napi::Value verifyContent(const Napi::CallbackInfo& info);
Napi::Value hashDisk(const Napi::CallbackInfo& info);
Napi::Value rewriteDisk(const Napi::CallbackInfo& info);
Napi::Value buildManifest(const Napi::CallbackInfo& info);
Napi::Value readManifest(const Napi::CallbackInfo& info);
Napi::Value receiverKey(const Napi::CallbackInfo& info);
Napi::Value openCaster(const Napi::CallbackInfo& info);
Napi::Value openReceiver(const Napi::CallbackInfo& info);
Napi::Value openIgmpSocket(const Napi::CallbackInfo& info);
Napi::Value openGroupEar(const Napi::CallbackInfo& info);

} // namespace volley::binding
