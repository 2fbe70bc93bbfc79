// Writing rows of K and V into the pages of a sequence, and pages out to the canonical layout and back
// (device/page_ops.h). Pure functions; rows of different positions, and different heads, may be written by
// different threads.
#pragma once

#include <cstdint>

#include "backends/cpu/layout.h"
#include "device/sizer.h"

namespace gantry::cpu {

// One row into slot `slot` (0..kPageTokens-1) of the page at `page`. k: kv_heads * key_dim, v: kv_heads *
// value_dim.
void write_kv_row(const device::KvShape& shape, const KvLayout& layout, uint8_t* page, uint32_t slot,
                  const float* k, const float* v);

// What one KV head has in the page at `page`, from and to its places in the canonical bytes of the page.
// Zeros go out for the positions from `positions` on.
void export_head(const device::KvShape& shape, const KvLayout& layout, const uint8_t* page, uint32_t head,
                 uint32_t positions, uint8_t* out);
void import_head(const device::KvShape& shape, const KvLayout& layout, const uint8_t* in, uint32_t head,
                 uint8_t* page);

}  // namespace gantry::cpu
