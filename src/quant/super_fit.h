// Inside quant only: the scales of a super-block on uneven levels (lane_search.h has the even ones). First
// each sub-block finds its own best scale as a free float; these are brought onto the common grid d * small
// integer; then integers and d are improved in turn: neighbours of each small integer are tried with the
// values quantized anew, and d solved by least squares over the whole super-block. What is kept is always the
// least sum of squared errors seen, measured as it will decode.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "quant/blocks.h"
#include "quant/fit.h"

namespace gantry::quant {

inline constexpr int kRounds = 3;  // of improving d and the small integers; later ones change almost nothing

// value = d * scale[s] * level(q), kSmallLow <= scale < -kSmallLow, kSubs sub-blocks. `Grid` says which
// levels there are: fit (the free scale of a sub-block), measure (FitSums at a scale) and quantize (to q).
template <typename Grid, size_t kSubs, int kSmallLow>
class CentredFit {
 public:
  static constexpr size_t kSize = kSuperBlockValues / kSubs;
  struct State {
    float d = 0;
    std::array<int, kSubs> scale{};
    double error = std::numeric_limits<double>::infinity();
  };

  explicit CentredFit(const float* x) : x_(x) {
    float peak = 0;
    for (size_t s = 0; s < kSubs; ++s) {
      free_[s] = Grid::template fit<kSize>(x + s * kSize);
      if (std::abs(free_[s]) > std::abs(peak)) peak = free_[s];
    }
    for (const float steps : {static_cast<float>(kSmallLow), static_cast<float>(kSmallLow) + 0.5f,
                              static_cast<float>(-kSmallLow) - 1}) {
      State state = assign(to_half(peak / steps));
      keep(state);
      for (int round = 0; round < kRounds; ++round) {
        state = assign_solved(state);
        if (!keep(state)) break;
      }
    }
    for (size_t s = 0; s < kSubs; ++s)
      Grid::template quantize<kSize>(x + s * kSize, best_.d * static_cast<float>(best_.scale[s]),
                                     q_.data() + s * kSize);
  }

  const State& best() const { return best_; }
  const std::array<int, kSuperBlockValues>& q() const { return q_; }

 private:
  bool keep(const State& state) {
    if (!(state.error < best_.error)) return false;
    best_ = state;
    return true;
  }

  State assign(float d) const {
    State state;
    state.d = d;
    state.error = 0;
    for (size_t s = 0; s < kSubs; ++s) {
      float least = std::numeric_limits<float>::infinity();
      const int scale = nearest(free_[s] * inverse(d), kSmallLow, -kSmallLow - 1);
      // The grid is not symmetric: the other sign may suit too.
      for (const int centre : {scale, -scale}) {
        for (int a = std::max(centre - 1, kSmallLow); a <= std::min(centre + 1, -kSmallLow - 1); ++a) {
          const float error = Grid::template measure<kSize>(x_ + s * kSize, d * static_cast<float>(a)).error;
          if (error >= least) continue;
          least = error;
          state.scale[s] = a;
        }
      }
      state.error += static_cast<double>(least);
    }
    return state;
  }

  State assign_solved(const State& from) const {
    double aa = 0, ax = 0;
    for (size_t s = 0; s < kSubs; ++s) {
      const FitSums sums =
          Grid::template measure<kSize>(x_ + s * kSize, from.d * static_cast<float>(from.scale[s]));
      const double scale = from.scale[s];
      aa += scale * scale * static_cast<double>(sums.qq);
      ax += scale * static_cast<double>(sums.xq);
    }
    return aa > 0 ? assign(to_half(static_cast<float>(ax / aa))) : from;
  }

  const float* x_;
  std::array<float, kSubs> free_{};
  State best_;
  std::array<int, kSuperBlockValues> q_{};
};

}  // namespace gantry::quant
