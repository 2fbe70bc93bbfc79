// The manual pages and the shells' completion, made of the two tables (command_table.h, settings/table.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

// "gantry", "gantry-serve", "gantry-debug-tokenize", ...: one page for the program, one for each command.
std::vector<std::string> manual_names();

// roff with the macros of man(7), section 1. Error kUsage where there is no such page: its words list them.
std::string manual_page(std::string_view name);

// What the shell reads so that Tab knows commands, flags and their choices; elsewhere it offers files.
// `shell`: one of settings::rows::kShells.
std::string completion(std::string_view shell);

}  // namespace gantry::cli
