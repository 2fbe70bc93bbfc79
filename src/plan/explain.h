// A plan in words and in JSON (contract P4): what `gantry plan` prints.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "plan/memory_plan.h"

namespace gantry::plan {

std::string explain(const arch::Blueprint& blueprint, const MemoryPlan& plan);
nlohmann::ordered_json to_json(const arch::Blueprint& blueprint, const MemoryPlan& plan);

}  // namespace gantry::plan
