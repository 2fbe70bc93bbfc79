// What `gantry --version` says.
#pragma once

#include <string>

namespace gantry::cli {

// "gantry 0.1.0", then lines "commit: ..." and "build: ...".
std::string version_text();

}  // namespace gantry::cli
