// Inside plan only: the words for a plan that does not fit.
#pragma once

#include "plan/memory_plan.h"

namespace gantry::plan {

// Throws Error kMemory: the sum, what is missing, and the nearest plans that fit.
[[noreturn]] void refuse(const arch::Blueprint& blueprint, const Settings& settings, const MemoryPlan& plan,
                         const Machine& machine);

}  // namespace gantry::plan
