// The program: words in, exit status out. Errors end here, as text on standard error.
#pragma once

#include <string>
#include <vector>

#include "device/registry.h"

namespace gantry::cli {

// `arguments`: without the program's name. The exit status is error_table()'s for an Error, 0 for success.
int run_program(const std::vector<std::string>& arguments, const device::Registry& registry);

}  // namespace gantry::cli
