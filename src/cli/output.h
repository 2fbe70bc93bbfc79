// What the commands say. Both streams may refuse (a full disk, a reader that left): what is lost on standard
// error is lost, and must end nothing; what is lost on standard output is remembered by the stream, and
// run_program makes an error of it. Any thread.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace gantry::cli {

// Text as it stands. Never throws for the stream's sake.
void put(std::FILE* to, std::string_view text);

// To standard output: answers and tables.
template <typename... Parts>
void say(fmt::format_string<Parts...> format, Parts&&... parts) {
  put(stdout, fmt::format(format, std::forward<Parts>(parts)...));
}

// To standard error: everything else.
template <typename... Parts>
void note(fmt::format_string<Parts...> format, Parts&&... parts) {
  put(stderr, fmt::format(format, std::forward<Parts>(parts)...));
}

// Error kIo unless all that was said on standard output has arrived.
void check_output();

// Makes 0, 1 and 2 file descriptors of something where the caller left them closed, so that no file or
// connection takes their place; reading and writing them still fails.
void fill_standard_streams();

}  // namespace gantry::cli
