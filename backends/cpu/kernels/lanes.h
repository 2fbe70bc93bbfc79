// The sums of norms (docs/decisions/0006): 256 lanes, of which lane j takes the elements j, j + 256, ... in
// order; then lane j is joined by lane j + 128, then + 64, and so on to + 1. Wide enough for a GPU's threads,
// and here sixteen vectors that do not wait for each other.
#pragma once

#include <cstdint>

namespace gantry::cpu::GANTRY_ISA {

// step(sum, i, n) is `sum` with the elements [i, i + n) added; n is at most 16.
template <typename Step>
GANTRY_INLINE float sum_in_lanes(uint32_t count, Step&& step) {
  constexpr uint32_t kVectors = 16;
  F32 sums[kVectors];
  repeated<kVectors>(GANTRY_LAMBDA(v) { sums[v.value] = broadcast(0.0f); });
  for (uint32_t first = 0; first < count; first += 16 * kVectors) {
    repeated<kVectors>(GANTRY_LAMBDA(v) {
      const uint32_t i = first + 16 * v.value;
      if (i < count) sums[v.value] = step(sums[v.value], i, count - i < 16 ? count - i : 16);
    });
  }
  repeated<8>(GANTRY_LAMBDA(v) { sums[v.value] = add(sums[v.value], sums[v.value + 8]); });
  repeated<4>(GANTRY_LAMBDA(v) { sums[v.value] = add(sums[v.value], sums[v.value + 4]); });
  repeated<2>(GANTRY_LAMBDA(v) { sums[v.value] = add(sums[v.value], sums[v.value + 2]); });
  return reduce_add(add(sums[0], sums[1]));
}

}  // namespace gantry::cpu::GANTRY_ISA
