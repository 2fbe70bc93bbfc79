// Inside quant only: the search for the scale (and offset) of a group of values on a grid of small integers,
// by least squares. Plain float arithmetic in a fixed order: the same input gives the same bytes everywhere.
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
FitSums measure(const float* x, float scale, float offset, int low, int high) {
  static_assert(kCount % 4 == 0);
  const float inv = inverse(scale), first = static_cast<float>(low);
  const float steps = static_cast<float>(high - low);
  const Lanes zeros = {}, last = zeros + steps;
  Lanes error = {}, sum_q = {}, sum_qq = {}, sum_xq = {};
  for (size_t i = 0; i < kCount; i += 4) {
    Lanes v;
    std::memcpy(&v, x + i, sizeof(v));
    Lanes step = (v - offset) * inv - first;  // as nearest()
    step = step > zeros ? step : zeros;
    step = step < last ? step : last;
    const Lanes q = __builtin_convertvector(__builtin_convertvector(step + 0.5f, IntLanes), Lanes) + first;
    const Lanes difference = v - (scale * q + offset);
    error += difference * difference;
    sum_q += q;
    sum_qq += q * q;
    sum_xq += v * q;
  }
  return {sum_of(error), sum_of(sum_q), sum_of(sum_qq), sum_of(sum_xq)};
}

template <size_t kCount>
void quantize(const float* x, float scale, float offset, int low, int high, int* q) {
  const float inv = inverse(scale);
  for (size_t i = 0; i < kCount; ++i) q[i] = nearest((x[i] - offset) * inv, low, high);
}

// x ~ scale * q, q in [low, high]; the scale may be negative (the grid is not symmetric). `Round` says how
// the scale will be stored, so that the error compared is the one that stays.
template <size_t kCount, typename Round>
float fit_scale(const float* x, int low, int high, Round round) {
  float peak = 0;
  for (size_t i = 0; i < kCount; ++i)
    if (std::abs(x[i]) > std::abs(peak)) peak = x[i];
  if (peak == 0) return 0;
  float best = 0, best_error = std::numeric_limits<float>::infinity();
  const auto consider = [&](float wished) {
    const float scale = round(wished);
    const FitSums sums = measure<kCount>(x, scale, 0, low, high);
    if (sums.error < best_error) {
      best = scale;
      best_error = sums.error;
    }
    return sums.qq > 0 ? sums.xq / sums.qq : 0.0f;
  };
  // The peak lands on `end` steps; a little less than the grid's end clips it for the sake of the rest.
  for (const int end : {low, high}) {
    for (int k = -8; k <= 8; ++k) {
      const float divisor = static_cast<float>(end) + 0.1f * static_cast<float>(k);
      if (divisor == 0) continue;
      consider(consider(peak / divisor));
    }
  }
  for (int k = 0; k < 4; ++k) {  // settle: scale -> integers -> scale
    const FitSums sums = measure<kCount>(x, best, 0, low, high);
    if (sums.qq > 0) consider(sums.xq / sums.qq);
  }
  return best;
}

struct ScaleOffset {
  float scale = 0, offset = 0;
};

// x ~ scale * q + offset, q in [0, high], scale >= 0; with `offset_max` 0 the offset is never positive.
template <size_t kCount, typename Round>
ScaleOffset fit_scale_offset(const float* x, int high, float offset_max, Round round) {
  const float count = static_cast<float>(kCount);
  float least = x[0], most = x[0], sum = 0;
  for (size_t i = 0; i < kCount; ++i) {
    least = std::min(least, x[i]);
    most = std::max(most, x[i]);
    sum += x[i];
  }
  least = std::min(least, offset_max);
  if (most <= least) return {0, round(least)};
  ScaleOffset best;
  float best_error = std::numeric_limits<float>::infinity();
  const auto consider = [&](ScaleOffset wished) {
    const ScaleOffset stored{round(std::max(wished.scale, 0.0f)), round(std::min(wished.offset, offset_max))};
    const FitSums sums = measure<kCount>(x, stored.scale, stored.offset, 0, high);
    if (sums.error < best_error) {
      best = stored;
      best_error = sums.error;
    }
    // Least squares of the line through these integers; where the offset is at its bound, of the scale alone.
    const float determinant = count * sums.qq - sums.q * sums.q;
    if (determinant <= 0) return stored;
    const ScaleOffset line{(count * sums.xq - sums.q * sum) / determinant,
                           (sums.qq * sum - sums.q * sums.xq) / determinant};
    if (line.offset <= offset_max) return line;
    return ScaleOffset{(sums.xq - offset_max * sums.q) / sums.qq, offset_max};
  };
  // The line from end to end, and shorter ones that clip the values at the top, at both ends or at the bottom
  // (slack is what they leave out); then the least squares line through the integers that each gives, twice.
  for (int k = -2; k <= 5; ++k) {
    const float scale = (most - least) / (static_cast<float>(high) + 0.4f * static_cast<float>(k));
    const float slack = (most - least) - scale * static_cast<float>(high);
    for (const float part : {0.0f, 0.5f, 1.0f}) consider(consider(consider({scale, least + slack * part})));
  }
  for (int k = 0; k < 4; ++k) consider(consider(best));
  return best;
}

}  // namespace gantry::quant
