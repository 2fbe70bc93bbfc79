// The table of settings, and what was given for it, as people, programs and the documentation read it.
#pragma once

#include <span>
#include <string>

#include "settings/values.h"

namespace gantry::cli {

// "context  4096  --context": each setting of server, model and requests, its value, and where that is from.
// `models`: as in action_of().
std::string values_text(settings::Command command, const settings::Values& values,
                        std::span<const settings::Values> models = {});

// `gantry debug settings`: a line for each; an array of objects; the tables that docs/operating/ has between
// "<!-- settings: NAME -->" and "<!-- end -->".
std::string table_text();
std::string table_json();
std::string table_markdown();

// What --help says of a setting: of a bool, what its flag does.
std::string help_words(const settings::Setting& row);

}  // namespace gantry::cli
