#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace gantry::detail {

void check_failed(const char* expression, const char* file, int line, const std::string& sides) {
  std::fprintf(stderr, "gantry: check failed: %s%s%s at %s:%d. This is a bug in Gantry; please report it.\n",
               expression, sides.empty() ? "" : ": ", sides.c_str(), file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace gantry::detail
