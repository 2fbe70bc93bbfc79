// The server's own routes, which belong to no family of clients: is it there, is it well, what a prompt
// becomes. Its errors have OpenAI's shape, and so have all that no other dialect's route has brought about.
#pragma once

#include "api/dialect.h"

namespace gantry::api::house {

const Dialect& dialect();

}  // namespace gantry::api::house
