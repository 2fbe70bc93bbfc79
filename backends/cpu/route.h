// Which experts a row goes to: the rules of device::Routing on one row, and the sorting of all rows' choices.
// Plain scalar code, so one and the same on every instruction set. Pure functions; any thread.
#pragma once

#include <cstdint>

#include "backends/cpu/kernels/kernels.h"
#include "device/expert_ops.h"

namespace gantry::cpu {

// One row. `scores` [experts] become values; `bias` [experts] or null; `chosen` and `weights` [used].
void route_row(const device::Routing& rule, const KernelTable& kernels, float* scores, const float* bias,
               int32_t* chosen, float* weights);

// `chosen`: by pair, the expert. Fills starts, source and place (device::Assignment). `chosen` may be
// `place`.
void assign(uint32_t experts, uint32_t used, uint32_t rows, const int32_t* chosen, int32_t* starts,
            int32_t* source, int32_t* place);

}  // namespace gantry::cpu
