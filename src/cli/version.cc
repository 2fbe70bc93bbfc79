#include "cli/version.h"

#include <commit.h>  // made by cmake/commit.cmake

namespace gantry::cli {

std::string version_text() {
  return "gantry " GANTRY_VERSION "\ncommit: " GANTRY_COMMIT "\nbuild: " GANTRY_BUILD;
}

}  // namespace gantry::cli
