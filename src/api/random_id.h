// Names that nobody guesses and no two answers share.
#pragma once

#include <string>
#include <string_view>

namespace gantry::api {

// `prefix` and 24 letters and digits.
std::string random_id(std::string_view prefix);

}  // namespace gantry::api
