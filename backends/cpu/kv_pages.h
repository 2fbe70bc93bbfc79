// Writing rows of K and V into the pages of a sequence. Pure functions; rows that stand at different
// positions may be written by different threads.
#pragma once

#include <cstdint>

#include "backends/cpu/layout.h"
#include "device/sizer.h"

namespace gantry::cpu {

// One row into slot `slot` (0..kPageTokens-1) of the page at `page`. k: kv_heads * key_dim, v: kv_heads *
// value_dim.
void write_kv_row(const device::KvShape& shape, const KvLayout& layout, uint8_t* page, uint32_t slot,
                  const float* k, const float* v);

}  // namespace gantry::cpu
