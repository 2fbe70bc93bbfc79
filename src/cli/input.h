// What is piped in.
#pragma once

#include <string>

namespace gantry::cli {

inline constexpr size_t kInputBytesMax = size_t{64} << 20;

// All of standard input. Error kTooLarge past kInputBytesMax, kIo.
std::string read_all_input();

}  // namespace gantry::cli
