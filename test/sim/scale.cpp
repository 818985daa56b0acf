#include "scale.h"
namespace volley_sim { int runScale(const ScaleOptions&) { return 1; } }
