// The command line: words to a Command. Which flags there are and what they may say stands in
// settings/table.h; here is what CLI11 makes of it. Precedence: flag, variable, configuration file, default.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/options.h"

namespace gantry::cli {

// What is read besides the words. Tests put their own in its place.
struct Surroundings {
  settings::Lookup variable;                                      // of the environment
  std::function<std::string(const std::string& path)> read_file;  // of settings
};
Surroundings real_surroundings();

// `arguments`: without the program's name. Error kUsage says what is wrong and which help to read.
Command parse(const std::vector<std::string>& arguments,
              const Surroundings& surroundings = real_surroundings());

}  // namespace gantry::cli
