#include "quant/lane_search.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "quant/fit.h"

namespace gantry::quant {
namespace {

constexpr int kRounds = 3;  // of improving d and the small integers; later ones change almost nothing

constexpr float kClipSteps[] = {-0.8f, -0.4f, 0.0f, 0.4f, 0.8f, 1.2f, 1.6f, 2.0f};
constexpr float kCentredSteps[] = {-0.8f, -0.6f, -0.4f, -0.2f, 0.0f, 0.2f, 0.4f, 0.6f, 0.8f};

// kSteps: by how many steps of the grid the first tries of a scale miss its end. kStarts: values of d to
// begin from, of which each takes half a small integer less as the greatest.
struct GridQ2 {
  static constexpr size_t kSubs = 16, kSize = 16;
  static constexpr int kLow = 0, kHigh = 3, kSmallMax = 15, kStarts = 7;
  static constexpr bool kOffset = true, kHalf = false;
  static constexpr float kOffsetMax = 0;
  static constexpr auto& kSteps = kClipSteps;
};
struct GridQ4 {
  static constexpr size_t kSubs = 8, kSize = 32;
  static constexpr int kLow = 0, kHigh = 15, kSmallMax = 63, kStarts = 4;
  static constexpr bool kOffset = true, kHalf = false;
  static constexpr float kOffsetMax = 0;
  static constexpr auto& kSteps = kClipSteps;
};
struct GridQ5 {
  static constexpr size_t kSubs = 8, kSize = 32;
  static constexpr int kLow = 0, kHigh = 31, kSmallMax = 63, kStarts = 4;
  static constexpr bool kOffset = true, kHalf = false;
  static constexpr float kOffsetMax = 0;
  static constexpr auto& kSteps = kClipSteps;
};
struct GridQ3 {
  static constexpr size_t kSubs = 16, kSize = 16;
  static constexpr int kLow = -4, kHigh = 3, kSmallMax = 31;
  static constexpr bool kOffset = false, kHalf = false;
  static constexpr auto& kSteps = kCentredSteps;
};
struct GridQ6 {
  static constexpr size_t kSubs = 16, kSize = 16;
  static constexpr int kLow = -32, kHigh = 31, kSmallMax = 127;
  static constexpr bool kOffset = false, kHalf = false;
  static constexpr auto& kSteps = kCentredSteps;
};

// Blocks of 32 by themselves: the scale that is found is the one that is stored.
template <int kLeast, int kMost>
struct GridCentred {
  static constexpr size_t kSubs = kBlocksAtOnce, kSize = kBlockValues;
  static constexpr int kLow = kLeast, kHigh = kMost;
  static constexpr bool kOffset = false, kHalf = true;
  static constexpr auto& kSteps = kCentredSteps;
};
template <int kMost>
struct GridOffset {
  static constexpr size_t kSubs = kBlocksAtOnce, kSize = kBlockValues;
  static constexpr int kLow = 0, kHigh = kMost;
  static constexpr bool kOffset = true, kHalf = true;
  static constexpr float kOffsetMax = 65504;  // none, that is
  static constexpr auto& kSteps = kClipSteps;
};

#define GANTRY_LANES 4
#define GANTRY_LANES_ISA
#if defined(__x86_64__)
#define GANTRY_LANES_MAX _mm_max_ps
#define GANTRY_LANES_MIN _mm_min_ps
#else
#define GANTRY_LANES_MAX(a, b) ((a) > (b) ? (a) : (b))
#define GANTRY_LANES_MIN(a, b) ((a) < (b) ? (a) : (b))
#endif
namespace baseline {
#include "quant/fit_lanes.inc"
}  // namespace baseline
#undef GANTRY_LANES
#undef GANTRY_LANES_ISA
#undef GANTRY_LANES_MAX
#undef GANTRY_LANES_MIN

#if defined(__x86_64__)
#define GANTRY_LANES 8
#define GANTRY_LANES_ISA __attribute__((target("avx2")))
#define GANTRY_LANES_MAX _mm256_max_ps
#define GANTRY_LANES_MIN _mm256_min_ps
namespace avx2 {
#include "quant/fit_lanes.inc"
}  // namespace avx2
#undef GANTRY_LANES
#undef GANTRY_LANES_ISA
#undef GANTRY_LANES_MAX
#undef GANTRY_LANES_MIN
#endif

bool best_is_wide() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}
bool wide = best_is_wide();

// Calls the function of the instruction set in use.
#if defined(__x86_64__)
#define GANTRY_WIDEST(function, ...) (wide ? avx2::function(__VA_ARGS__) : baseline::function(__VA_ARGS__))
#else
#define GANTRY_WIDEST(function, ...) baseline::function(__VA_ARGS__)
#endif

// kSubs runs of kSize values side by side, and what the search begins from.
template <typename G>
struct Transposed {
  using PerSub = std::array<float, G::kSubs>;
  explicit Transposed(const float* from) {
    for (size_t s = 0; s < G::kSubs; ++s) {
      low[s] = high[s] = from[s * G::kSize];
      for (size_t i = 0; i < G::kSize; ++i) {
        const float value = from[s * G::kSize + i];
        x[i * G::kSubs + s] = value;
        low[s] = std::min(low[s], value);
        high[s] = std::max(high[s], value);
        sum[s] += value;
      }
    }
  }
  // The values of greatest magnitude.
  PerSub peaks() const {
    PerSub out;
    for (size_t s = 0; s < G::kSubs; ++s) out[s] = -low[s] > high[s] ? low[s] : high[s];
    return out;
  }

  std::array<float, G::kSubs * G::kSize> x;  // [value][sub-block]
  PerSub low, high, sum{};
};

template <typename G>
void find_blocks(const float* from, BlocksFound& found) {
  const Transposed<G> t(from);
  if constexpr (G::kOffset) {
    GANTRY_WIDEST(fit_offset_lanes<G>, t.x.data(), t.low.data(), t.high.data(), t.sum.data(),
                  found.scale.data(), found.offset.data());
  } else {
    const auto peaks = t.peaks();
    GANTRY_WIDEST(fit_centred_lanes<G>, t.x.data(), peaks.data(), found.scale.data());
  }
}

template <typename G>
class Search {
 public:
  using PerSub = typename Transposed<G>::PerSub;
  struct State {
    float d = 0, dmin = 0;
    PerSub scale{}, min{};
    double error = std::numeric_limits<double>::infinity();
  };

  explicit Search(const float* x) : values_(x) {}

  void find(const float* x, KFound& found) {
    if constexpr (G::kOffset)
      search_offsets();
    else
      search_centred();
    found.d = best_.d;
    found.dmin = best_.dmin;
    for (size_t s = 0; s < G::kSubs; ++s) {
      found.scale[s] = static_cast<int>(best_.scale[s]);
      found.min[s] = static_cast<int>(best_.min[s]);
      quantize<G::kSize>(x + s * G::kSize, best_.d * best_.scale[s], -best_.dmin * best_.min[s], G::kLow,
                         G::kHigh, found.q.data() + s * G::kSize);
    }
  }

 private:
  void search_offsets() {
    PerSub low = values_.low;
    for (float& one : low) one = std::min(one, G::kOffsetMax);
    GANTRY_WIDEST(fit_offset_lanes<G>, values_.x.data(), low.data(), values_.high.data(), values_.sum.data(),
                  free_scale_.data(), free_offset_.data());
    const float scale_max = *std::max_element(free_scale_.begin(), free_scale_.end());
    const float min_max = -*std::min_element(free_offset_.begin(), free_offset_.end());
    const float most = static_cast<float>(G::kSmallMax);
    for (int start = 0; start < G::kStarts; ++start)
      improve(to_half(scale_max / (most - 0.5f * static_cast<float>(start))), to_half(min_max / most));
  }

  void search_centred() {
    const PerSub peak = values_.peaks();
    GANTRY_WIDEST(fit_centred_lanes<G>, values_.x.data(), peak.data(), free_scale_.data());
    const float top = *std::max_element(free_scale_.begin(), free_scale_.end(),
                                        [](float a, float b) { return std::abs(a) < std::abs(b); });
    const float most = static_cast<float>(G::kSmallMax);
    for (const float steps : {-most - 1, -most - 0.5f, most}) improve(to_half(top / steps), 0);
  }

  void improve(float d, float dmin) {
    State state = assign(d, dmin);
    keep(state);
    for (int round = 0; round < kRounds; ++round) {
      const State next = assign_solved(state);
      if (!(next.error < state.error)) break;
      state = next;
      keep(state);
    }
  }

  void keep(const State& state) {
    if (state.error < best_.error) best_ = state;
  }

  // The best small integers for this d and dmin.
  State assign(float d, float dmin) const {
    State state;
    state.d = d;
    state.dmin = dmin;
    PerSub error;
    if constexpr (G::kOffset)
      GANTRY_WIDEST(assign_offset_lanes<G>, values_.x.data(), free_scale_.data(), free_offset_.data(), d,
                    dmin, state.scale.data(), state.min.data(), error.data());
    else
      GANTRY_WIDEST(assign_centred_lanes<G>, values_.x.data(), free_scale_.data(), d, state.scale.data(),
                    error.data());
    state.error = 0;
    for (const float one : error) state.error += static_cast<double>(one);
    return state;
  }

  // d and dmin of least squares for the integers of `from`, then integers anew.
  State assign_solved(const State& from) const {
    PerSub scale, offset, q, qq, xq;
    for (size_t s = 0; s < G::kSubs; ++s) {
      scale[s] = from.d * from.scale[s];
      offset[s] = -from.dmin * from.min[s];
    }
    GANTRY_WIDEST(sums_lanes<G>, values_.x.data(), scale.data(), offset.data(), q.data(), qq.data(),
                  xq.data());
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;  // a = scale * q, b = min: x ~ d * a - dmin * b
    for (size_t s = 0; s < G::kSubs; ++s) {
      const double a = static_cast<double>(from.scale[s]), b = static_cast<double>(from.min[s]);
      aa += a * a * static_cast<double>(qq[s]);
      ab += a * b * static_cast<double>(q[s]);
      bb += b * b * static_cast<double>(G::kSize);
      ax += a * static_cast<double>(xq[s]);
      bx += b * static_cast<double>(values_.sum[s]);
    }
    double d = static_cast<double>(from.d), dmin = static_cast<double>(from.dmin);
    const double determinant = aa * bb - ab * ab;
    if (determinant > 1e-9 * aa * bb) {
      d = (ax * bb - bx * ab) / determinant;
      dmin = (ax * ab - bx * aa) / determinant;
    } else if (aa > 0) {
      d = (ax + dmin * ab) / aa;
    }
    if (G::kOffset && (d < 0 || dmin < 0)) return from;
    return assign(to_half(static_cast<float>(d)), to_half(static_cast<float>(dmin)));
  }

  const Transposed<G> values_;
  PerSub free_scale_{}, free_offset_{};
  State best_;
};

template <typename G>
void find(const float* x, KFound& found) {
  Search<G>(x).find(x, found);
}

}  // namespace

void find_q4_0(const float* x, BlocksFound& found) { find_blocks<GridCentred<-8, 7>>(x, found); }
void find_q4_1(const float* x, BlocksFound& found) { find_blocks<GridOffset<15>>(x, found); }
void find_q5_0(const float* x, BlocksFound& found) { find_blocks<GridCentred<-16, 15>>(x, found); }
void find_q5_1(const float* x, BlocksFound& found) { find_blocks<GridOffset<31>>(x, found); }
void find_q8_0(const float* x, BlocksFound& found) { find_blocks<GridCentred<-127, 127>>(x, found); }

void find_q2_k(const float* x, KFound& found) { find<GridQ2>(x, found); }
void find_q3_k(const float* x, KFound& found) { find<GridQ3>(x, found); }
void find_q4_k(const float* x, KFound& found) { find<GridQ4>(x, found); }
void find_q5_k(const float* x, KFound& found) { find<GridQ5>(x, found); }
void find_q6_k(const float* x, KFound& found) { find<GridQ6>(x, found); }

bool search_with_widest_vectors(bool widest) {
  wide = widest && best_is_wide();
  return wide;
}

}  // namespace gantry::quant
