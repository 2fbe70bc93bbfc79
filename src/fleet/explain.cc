#include "plan/explain.h"

#include "fleet/live_model.h"
#include "fleet/opened_model.h"

namespace gantry::fleet {

std::string explain_plan(const DevicePool& pool, const LoadSettings& settings) {
  const OpenedModel opened = open_model(pool, settings);
  return plan::explain(*opened.blueprint, opened.plan);
}

Json plan_json(const DevicePool& pool, const LoadSettings& settings) {
  const OpenedModel opened = open_model(pool, settings);
  return plan::to_json(*opened.blueprint, opened.plan);
}

}  // namespace gantry::fleet
