#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/loading.h"

namespace gantry::cli {

int plan(const PlanCommand& command, const device::Registry& registry) {
  fleet::LoadSettings load = command.load;
  name_model(load);
  if (command.json) {
    fmt::print("{}\n", fleet::plan_json(registry, load).dump(2));
  } else {
    fmt::print("{}", fleet::explain_plan(registry, load));
  }
  return 0;
}

}  // namespace gantry::cli
