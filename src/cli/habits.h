// Words that are right in other programs of this kind, and what is meant by them here. Any thread.
#pragma once

#include <string_view>

namespace gantry::cli {

// "it is --context here"; empty: nobody's that is known. `flag`: with its dashes, without a value.
std::string_view hint_on_flag(std::string_view flag);
std::string_view hint_on_command(std::string_view command);

}  // namespace gantry::cli
