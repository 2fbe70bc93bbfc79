#include <fmt/format.h>

#include "cli/commands.h"

namespace gantry::cli {

int plan(const PlanCommand& command, const device::Registry& registry) {
  if (command.json) {
    fmt::print("{}\n", fleet::plan_json(registry, command.load).dump(2));
  } else {
    fmt::print("{}", fleet::explain_plan(registry, command.load));
  }
  return 0;
}

}  // namespace gantry::cli
