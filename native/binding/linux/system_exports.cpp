#include "binding/system_exports.h"

namespace volley::binding {

// Files and programs tell on Linux what Windows has calls for.
void addSystemExports(Napi::Env, Napi::Object) {}

} // namespace volley::binding
