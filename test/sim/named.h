#pragma once
#include <string>

namespace volley_sim {
// Runs a named scenario with and without its troublemaker and compares; 0 when the others did not notice.
int runNamed(const std::string& name, bool trace);
} // namespace volley_sim
