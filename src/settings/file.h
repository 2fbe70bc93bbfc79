// A configuration file (TOML): [server], [model_defaults] and any number of [[model]]. Its keys are the
// table's; what is unknown, of a wrong kind or out of range is refused by its line. The text comes from the
// caller.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "settings/toml.h"
#include "settings/values.h"

namespace gantry::settings {

inline constexpr size_t kFileBytesMax = kTomlBytesMax;
inline constexpr size_t kFileModelsMax = 64;

struct SettingsFile {
  Values server;
  Values model_defaults;       // of models that the command line names
  std::vector<Values> models;  // each with the defaults of the file; each has a path
};

// `name`: the path of the file, for places ("gantry.toml:12: port") and for paths in it, which begin in its
// folder. Error kUsage with the line; kTooLarge.
SettingsFile read_settings_file(std::string_view text, const std::string& name);

}  // namespace gantry::settings
