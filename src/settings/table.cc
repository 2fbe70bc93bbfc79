#include "settings/table.h"

namespace gantry::settings {

const Setting* find_setting(Command command, std::string_view name) {
  for (const Setting& row : kTable)
    if (row.commands.has(command) && row.name == name) return &row;
  return nullptr;
}

}  // namespace gantry::settings
