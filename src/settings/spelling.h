// How a setting is called by those who set it. The rules: name kv_type, flag --kv-type, variable
// GANTRY_KV_TYPE; a bool that is true by itself has the flag that takes it away, --no-prefix-cache.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "settings/table.h"

namespace gantry::settings {

std::string flag(const Setting& setting);         // "--kv-type"; of an argument without a flag: "MODEL"
std::string environment(const Setting& setting);  // "GANTRY_KV_TYPE"; empty: no variable sets it
std::string_view file_key(const Setting& setting);

// Every spelling on a command line, the first one flag()'s: "--temperature", "--temp"; "-p".
std::vector<std::string> flags(const Setting& setting);

// The words of an error from a room below, with its settings spelled as flags of `command`: `kv_type` between
// backticks and kv_type=f16 become --kv-type and --kv-type f16. What is no name there stays.
std::string as_flags(std::string_view text, Command command);

// The one of `known` that `word` is a slip of: the beginning of only one of them, or few letters away from
// the nearest. Empty: of none.
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

}  // namespace gantry::settings
