// Files that are called nearly like one that is not there. Any thread.
#pragma once

#include <string>

#include "base/error.h"

namespace gantry::cli {

// The model's file beside `path` that was likely meant: of the same letters in another case, with .gguf, the
// first part of a split one, or few letters away. Empty: none.
std::string near_file(const std::string& path);

// An Error that a model's file is not there, with the one that was likely meant; others as they are.
Error with_near_file(const Error& error);

}  // namespace gantry::cli
