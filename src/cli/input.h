// What is piped in, and what stands in a file. A byte order mark at its beginning is none of it.
#pragma once

#include <cstdint>
#include <string>

namespace gantry::cli {

inline constexpr size_t kInputBytesMax = size_t{64} << 20;

// All of standard input. Error kTooLarge past kInputBytesMax, kIo.
std::string read_all_input();

// A file, or "-": all of standard input. Errors as os::read_file has them.
std::string read_text(const std::string& path, uint64_t limit_bytes);

// Whether standard input is a pipe, a socket or a file: something that has an end, and perhaps a text.
bool is_piped();
// Says so when nothing comes, not even an end.
std::string read_beside_prompt();

}  // namespace gantry::cli
