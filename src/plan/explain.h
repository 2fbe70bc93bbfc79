// A plan in words and in JSON (contract P4): what `gantry plan` prints.
#pragma once

#include <string>

#include "plan/memory_plan.h"
#include "text/json.h"

namespace gantry::plan {

// In a line: bytes by kind, and what they are for.
std::string summary(const arch::Blueprint& blueprint, const MemoryPlan& plan);
std::string explain(const arch::Blueprint& blueprint, const MemoryPlan& plan);
Json to_json(const arch::Blueprint& blueprint, const MemoryPlan& plan);

}  // namespace gantry::plan
