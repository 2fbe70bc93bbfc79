// What all linear layers share: how the sections of an output are added, and the end of its sum. Weights come
// in tiles of 16 rows, times groups of 1 to 16 tokens. The arithmetic of one output (contract E2;
// docs/decisions/0006) is told at each step: it is the same whatever the group's width.
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

// Parts of the sums of V outputs' vectors on a stack, from left to right.
template <uint32_t V>
struct Parts {
  // Where they are small all are kept to the end: how often two are added is hard to foresee for the
  // processor, and more so between the loops over the sections.
  static constexpr bool kToTheEnd = V <= 2;
  F32 waiting[kToTheEnd ? kPartsMax : kWaitingParts][V];
  uint32_t count = 0;

  // The part that comes next, after which the stack is joined `joins` times. A part's registers are free as
  // soon as it was stored or added.
  GANTRY_INLINE void lay(const F32* part, uint32_t joins) { join(part, kToTheEnd ? 0 : joins); }
  // Behind the last part.
  GANTRY_INLINE void end(const uint8_t* joins) {
    if constexpr (!kToTheEnd) return;
    const uint32_t parts = count;
    count = 0;
    for (uint32_t i = 0; i < parts; ++i) join(waiting[i], joins[i]);
  }

 private:
  // The two uppermost become their sum, `joins` times.
  GANTRY_INLINE void join(const F32* part, uint32_t joins) {
    if (joins == 0) {
      repeated<V>(GANTRY_LAMBDA(v) { waiting[count][v.value] = part[v.value]; });
      ++count;
      return;
    }
    F32* left = waiting[count - 1];
    repeated<V>(GANTRY_LAMBDA(v) { left[v.value] = add(left[v.value], part[v.value]); });
    for (; joins > 1; --joins, --count, left -= V)
      repeated<V>(GANTRY_LAMBDA(v) { (left - V)[v.value] = add((left - V)[v.value], left[v.value]); });
  }
};

// The end of every sum: total, + bias, + what stands there.
GANTRY_INLINE void finish(const LinearJob& job, uint32_t node, uint32_t row, uint32_t token, F32 total) {
  const uint32_t n = job.rows - row < kTileRows ? job.rows - row : kTileRows;
  float* out = job.out + node * job.node_stride + token * job.out_stride + row;
  if (job.bias != nullptr) total = add(total, load_first(job.bias + row, n));
  if (job.accumulate) total = add(load_first(out, n), total);
  store_first(out, total, n);
}

}  // namespace
}  // namespace gantry::cpu::GANTRY_ISA
