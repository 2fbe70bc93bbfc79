// What all linear layers share: the end of every output's chain. Weights come in tiles of 16 rows, times
// groups of 1 to 16 tokens. The arithmetic of one output (contract E2; docs/decisions/0002) is told at each
// step: it is the same chain whatever the group's width.
#pragma once

#include "backends/cpu/kernels/set.h"
#include "quant/dtype.h"  // for the names of the types alone: nothing of it is called here

namespace gantry::cpu::GANTRY_ISA {
namespace {

using quant::Dtype;

// The place of a type's function in the table.
GANTRY_INLINE auto& linear_of(KernelTable& table, Dtype dtype) {
  return table.linear[static_cast<uint32_t>(dtype)];
}

// The end of every chain: total, + bias, + what stands there.
GANTRY_INLINE void finish(const LinearJob& job, uint32_t row, uint32_t token, F32 total) {
  const uint32_t n = job.rows - row < kTileRows ? job.rows - row : kTileRows;
  float* out = job.out + token * job.out_stride + row;
  if (job.bias != nullptr) total = add(total, load_first(job.bias + row, n));
  if (job.accumulate) total = add(load_first(out, n), total);
  store_first(out, total, n);
}

}  // namespace
}  // namespace gantry::cpu::GANTRY_ISA
