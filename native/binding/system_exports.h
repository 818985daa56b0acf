// What the addon has on one system alone: the folder of the system implements it.
#pragma once
#include <napi.h>

namespace volley::binding {

void addSystemExports(Napi::Env env, Napi::Object exports);

} // namespace volley::binding
