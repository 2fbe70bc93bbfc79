// What is said of a command line that cannot be read: which word, of which command, and what was likely
// meant.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace gantry::cli {

struct Refused {
  std::string command;                // that the words reached: "gantry debug"
  std::vector<std::string> commands;  // that it has
  std::vector<std::string> flags;     // that it takes
  std::string misplaced;              // the first word that has no place; may be empty
  std::string words;                  // the parser's own
  bool is_of_value = false;           // a flag's value is at fault
};

// Error kUsage.
Error complaint(const Refused& refused);

}  // namespace gantry::cli
