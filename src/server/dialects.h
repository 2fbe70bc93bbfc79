// The APIs that this build speaks: the one list of dialects.
#pragma once

#include <vector>

#include "api/dialect.h"

namespace gantry::server {

// The first writes the errors of no route.
std::vector<const api::Dialect*> all_dialects();

}  // namespace gantry::server
