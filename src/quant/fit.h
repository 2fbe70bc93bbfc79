// Inside quant only: what the searches for scales share (lane_search.h on even steps, level_grid.h on uneven
// levels). Plain float arithmetic in a fixed order: the same input gives the same bytes everywhere.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "quant/half.h"

namespace gantry::quant {

inline float to_half(float value) { return f16_to_f32(f32_to_f16(value)); }

// The integer nearest to `value`, brought into [low, high]. Clamping comes first: no conversion overflows.
inline int nearest(float value, int low, int high) {
  const float shifted = std::clamp(value - static_cast<float>(low), 0.0f, static_cast<float>(high - low));
  return static_cast<int>(shifted + 0.5f) + low;
}

// 0 where the inverse is not finite: the grid is then a point, and every value takes step 0.
inline float inverse(float value) { return std::abs(value) < 1e-37f ? 0.0f : 1 / value; }

// Squared error of x[i] ~ scale * q(i) + offset with the best q in [low, high], and sums for refitting.
struct FitSums {
  float error = 0;
  float q = 0, qq = 0, xq = 0;
};

// Four lanes side by side: the search lives in this loop. The lanes are summed in one order on every machine.
using Lanes = float __attribute__((vector_size(16)));
using IntLanes = int32_t __attribute__((vector_size(16)));

inline float sum_of(Lanes v) { return (v[0] + v[1]) + (v[2] + v[3]); }

template <size_t kCount>
void quantize(const float* x, float scale, float offset, int low, int high, int* q) {
  const float inv = inverse(scale);
  for (size_t i = 0; i < kCount; ++i) q[i] = nearest((x[i] - offset) * inv, low, high);
}

}  // namespace gantry::quant
