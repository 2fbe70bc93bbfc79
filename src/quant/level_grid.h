// Inside quant only: grids whose levels are not evenly spaced (IQ4, FP4): the nearest level by a table over
// half steps, the sums that a search lives on, and the search for a scale.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "quant/fit.h"

namespace gantry::quant {

// The middle between two neighbouring integer levels is a multiple of one half, so within a half step the
// nearest level is one and the same.
template <const int8_t (&kLevels)[16]>
class LevelGrid {
 public:
  static constexpr int kLow = *std::min_element(kLevels, kLevels + 16);
  static constexpr int kHigh = *std::max_element(kLevels, kLevels + 16);

  // x ~ scale * level; the scale may be negative. `round` says how it
  // will be stored, so that the error compared is the one that stays.
  template <size_t kCount, typename Round>
  static float fit(const float* x, Round round) {
    float peak = 0;
    for (size_t i = 0; i < kCount; ++i)
      if (std::abs(x[i]) > std::abs(peak)) peak = x[i];
    if (peak == 0) return 0;
    float best = 0, best_error = std::numeric_limits<float>::infinity();
    const auto consider = [&](float wished) {
      const float scale = round(wished);
      const FitSums sums = measure<kCount>(x, scale);
      if (sums.error < best_error) {
        best = scale;
        best_error = sums.error;
      }
      return sums.qq > 0 ? sums.xq / sums.qq : 0.0f;
    };
    // The peak lands on either end of the grid, a little beyond it (and is clipped) or short of it; or on a
    // level inside, where few sizes recur (a row of two values, say).
    for (const int end : {kLow, kHigh})
      for (int k = -11; k <= 4; ++k)
        consider(consider(peak / (static_cast<float>(end) * (1 + 0.025f * static_cast<float>(k)))));
    for (const int8_t level : kLevels)
      if (level != kLow && level != kHigh && level != 0) consider(consider(peak / static_cast<float>(level)));
    for (int k = 0; k < 4; ++k) consider(consider(best));  // settle: scale -> levels -> scale
    return best;
  }
  template <size_t kCount>
  static float fit(const float* x) {
    return fit<kCount>(x, [](float value) { return value; });
  }

  template <size_t kCount>
  static FitSums measure(const float* x, float scale) {
    static_assert(kCount % 4 == 0);
    const float inv = inverse(scale);
    Lanes error = {}, sum_q = {}, sum_qq = {}, sum_xq = {};
    for (size_t i = 0; i < kCount; i += 4) {
      Lanes v;
      std::memcpy(&v, x + i, sizeof(v));
      const IntLanes at = half_steps(v * inv);
      Lanes level;
      for (int lane = 0; lane < 4; ++lane) level[lane] = kNearest[static_cast<size_t>(at[lane])];
      const Lanes difference = v - scale * level;
      error += difference * difference;
      sum_q += level;
      sum_qq += level * level;
      sum_xq += v * level;
    }
    return {sum_of(error), sum_of(sum_q), sum_of(sum_qq), sum_of(sum_xq)};
  }

  // q: which of the sixteen.
  template <size_t kCount>
  static void quantize(const float* x, float scale, int* q) {
    const float inv = inverse(scale);
    for (size_t i = 0; i < kCount; ++i) {
      const float step = std::clamp(x[i] * inv, static_cast<float>(kLow), static_cast<float>(kHigh));
      q[i] = kCode[static_cast<size_t>(2 * (step - static_cast<float>(kLow)))];
    }
  }

 private:
  static constexpr size_t kSteps = 2 * static_cast<size_t>(kHigh - kLow) + 1;

  static IntLanes half_steps(Lanes value) {
    const Lanes low = Lanes{} + static_cast<float>(kLow), high = Lanes{} + static_cast<float>(kHigh);
    value = value > low ? value : low;
    value = value < high ? value : high;
    return __builtin_convertvector(2 * (value - low), IntLanes);
  }

  // Half step h reaches from kLow + h / 2 up to, but not including, the next.
  static constexpr std::array<uint8_t, kSteps> make_codes() {
    std::array<uint8_t, kSteps> out{};
    for (size_t h = 0; h < kSteps; ++h) {
      const int four_times = 4 * kLow + 2 * static_cast<int>(h) + 1;  // its middle
      int least = std::numeric_limits<int>::max();
      for (uint8_t code = 0; code < 16; ++code) {
        const int away = 4 * kLevels[code] - four_times;
        if ((away < 0 ? -away : away) >= least) continue;
        least = away < 0 ? -away : away;
        out[h] = code;
      }
    }
    return out;
  }
  static constexpr std::array<float, kSteps> make_nearest() {
    std::array<float, kSteps> out{};
    const std::array<uint8_t, kSteps> codes = make_codes();
    for (size_t h = 0; h < kSteps; ++h) out[h] = kLevels[codes[h]];
    return out;
  }
  static constexpr std::array<uint8_t, kSteps> kCode = make_codes();
  static constexpr std::array<float, kSteps> kNearest = make_nearest();
};

}  // namespace gantry::quant
