// Reads rotary embedding and its scalings from a header: base, linear scaling, YaRN, per-pair frequency
// factors.
#pragma once

#include <cstdint>

#include "arch/header.h"

namespace gantry::arch {

// `head_dim`: values per head, of which rope.dimension_count (default: all) turn. `context_train`: what YaRN
// takes for the original context where the file does not say.
Rope read_rope(Header& header, device::RopeOrder order, uint32_t head_dim, uint32_t context_train);

}  // namespace gantry::arch
