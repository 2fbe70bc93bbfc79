// The command line: words to a Command. The only place that knows the names of flags; docs/operating/cli.md
// lists them and a test compares the two.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"

namespace gantry::cli {

// `arguments`: without the program's name. Error kUsage says what is wrong and which help to read.
Command parse(const std::vector<std::string>& arguments);

// "4096", "800MiB", "4GB", "1.5GiB" as bytes, at least 1; nullopt for anything else.
std::optional<uint64_t> parse_size(std::string_view text);

}  // namespace gantry::cli
