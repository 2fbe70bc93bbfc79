#include "cli/commands.h"
#include "cli/loading.h"
#include "cli/output.h"

namespace gantry::cli {

int plan(const PlanCommand& command, const device::Registry& registry) {
  fleet::LoadSettings load = command.load;
  name_model(load, command.model_source);
  const fleet::DevicePool pool(registry, beside_models(command.request_memory));
  if (command.json) {
    say("{}\n", fleet::plan_json(pool, load).dump(2));
  } else {
    say("{}", fleet::explain_plan(pool, load));
  }
  return 0;
}

}  // namespace gantry::cli
