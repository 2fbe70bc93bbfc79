// Float to Q2_K .. Q6_K: super_fit.h's search, here also with a minimum for each sub-block, and the packing.
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/half.h"
#include "quant/rows.h"
#include "quant/super_fit.h"

namespace gantry::quant {
namespace {

// value = d * scale[s] * q - dmin * min[s], 0 <= q <= kHigh, 0 <= scale, min <= kSmallMax.
template <size_t kSubs, int kHigh, int kSmallMax>
class OffsetFit {
 public:
  static constexpr size_t kSize = kSuperBlockValues / kSubs;
  // Values of d to begin from. On a coarse grid it pays to clip the largest scale for the sake of the others.
  static constexpr int kStarts = kSmallMax < 16 ? 6 : 3;
  struct State {
    float d = 0, dmin = 0;
    std::array<int, kSubs> scale{}, min{};
    double error = std::numeric_limits<double>::infinity();
  };

  explicit OffsetFit(const float* x) : x_(x) {
    float scale_max = 0, min_max = 0;
    for (size_t s = 0; s < kSubs; ++s) {
      free_[s] = fit_scale_offset<kSize>(x + s * kSize, kHigh, 0, kAsFloat);
      scale_max = std::max(scale_max, free_[s].scale);
      min_max = std::max(min_max, -free_[s].offset);
    }
    for (int start = 0; start < kStarts; ++start) {
      const float steps = static_cast<float>(kSmallMax) - 0.5f * static_cast<float>(start);
      improve(to_half(scale_max / steps), to_half(min_max / static_cast<float>(kSmallMax)));
    }
    for (size_t s = 0; s < kSubs; ++s)
      quantize<kSize>(x + s * kSize, best_.d * static_cast<float>(best_.scale[s]),
                      -best_.dmin * static_cast<float>(best_.min[s]), 0, kHigh, q_.data() + s * kSize);
  }

  const State& best() const { return best_; }
  const std::array<int, kSuperBlockValues>& q() const { return q_; }

 private:
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
    state.error = 0;
    for (size_t s = 0; s < kSubs; ++s) state.error += static_cast<double>(assign_one(state, s));
    return state;
  }

  // Sets scale and min of sub-block s, returns its error.
  float assign_one(State& state, size_t s) const {
    const float inv_dmin = inverse(state.dmin);
    const int scale = nearest(free_[s].scale * inverse(state.d), 0, kSmallMax);
    float least = std::numeric_limits<float>::infinity();
    for (int a = std::max(scale - 1, 0); a <= std::min(scale + 1, kSmallMax); ++a) {
      // Where the scale had to move, the offset may move with it so that the middle of the grid stays.
      const float move = 0.5f * kHigh * (free_[s].scale - state.d * static_cast<float>(a));
      const int centres[] = {nearest(-free_[s].offset * inv_dmin, 0, kSmallMax),
                             nearest(-(free_[s].offset + move) * inv_dmin, 0, kSmallMax)};
      for (size_t c = 0; c < (centres[0] == centres[1] ? 1u : 2u); ++c) {
        for (int b = std::max(centres[c] - 1, 0); b <= std::min(centres[c] + 1, kSmallMax); ++b) {
          const float error = measure<kSize>(x_ + s * kSize, state.d * static_cast<float>(a),
                                             -state.dmin * static_cast<float>(b), 0, kHigh)
                                  .error;
          if (error >= least) continue;
          least = error;
          state.scale[s] = a;
          state.min[s] = b;
        }
      }
    }
    return least;
  }

  // d and dmin of least squares for the integers of `from`, then integers anew.
  State assign_solved(const State& from) const {
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;  // a = scale * q, b = min: x ~ d * a - dmin * b
    for (size_t s = 0; s < kSubs; ++s) {
      const FitSums sums = measure<kSize>(x_ + s * kSize, from.d * static_cast<float>(from.scale[s]),
                                          -from.dmin * static_cast<float>(from.min[s]), 0, kHigh);
      double sum = 0;
      for (size_t i = 0; i < kSize; ++i) sum += static_cast<double>(x_[s * kSize + i]);
      const double scale = from.scale[s], min = from.min[s];
      aa += scale * scale * static_cast<double>(sums.qq);
      ab += scale * min * static_cast<double>(sums.q);
      bb += min * min * static_cast<double>(kSize);
      ax += scale * static_cast<double>(sums.xq);
      bx += min * sum;
    }
    double d = static_cast<double>(from.d), dmin = static_cast<double>(from.dmin);
    const double determinant = aa * bb - ab * ab;
    if (determinant > 1e-9 * aa * bb) {
      d = (ax * bb - bx * ab) / determinant;
      dmin = (ax * ab - bx * aa) / determinant;
    } else if (aa > 0) {
      d = (ax + dmin * ab) / aa;
    }
    if (d < 0 || dmin < 0) return from;
    return assign(to_half(static_cast<float>(d)), to_half(static_cast<float>(dmin)));
  }

  const float* x_;
  std::array<ScaleOffset, kSubs> free_{};
  State best_;
  std::array<int, kSuperBlockValues> q_{};
};

// The low `2` bits of 256 values, four planes of 32 to a half.
void pack_pairs(const int* q, int shift, uint8_t* out) {
  std::memset(out, 0, kSuperBlockValues / 4);
  for (size_t i = 0; i < kSuperBlockValues; ++i) {
    uint8_t& byte = out[32 * (i / 128) + i % 32];
    byte = static_cast<uint8_t>(byte | (((q[i] >> shift) & 3) << (2 * (i / 32 % 4))));
  }
}

template <typename Fit>
void pack_k4_scales(const Fit& fit, uint8_t* scales) {
  std::memset(scales, 0, 12);
  for (size_t s = 0; s < 4; ++s) {
    const int scale = fit.scale[s], min = fit.min[s], scale4 = fit.scale[s + 4], min4 = fit.min[s + 4];
    scales[s] = static_cast<uint8_t>(scale | ((scale4 >> 4) << 6));
    scales[s + 4] = static_cast<uint8_t>(min | ((min4 >> 4) << 6));
    scales[s + 8] = static_cast<uint8_t>((scale4 & 15) | ((min4 & 15) << 4));
  }
}

void pack_k4_nibbles(const int* q, uint8_t* qs) {
  for (size_t g = 0; g < 4; ++g)
    for (size_t l = 0; l < 32; ++l)
      qs[32 * g + l] = static_cast<uint8_t>((q[64 * g + l] & 15) | ((q[64 * g + 32 + l] & 15) << 4));
}

}  // namespace

void encode_q2_k(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ2_K, kSuperBlockValues>(src, dst, [](const float* x) {
    const OffsetFit<16, 3, 15> fit(x);
    BlockQ2_K b;
    b.d = f32_to_f16(fit.best().d);
    b.dmin = f32_to_f16(fit.best().dmin);
    for (size_t s = 0; s < 16; ++s)
      b.scales[s] = static_cast<uint8_t>(fit.best().scale[s] | (fit.best().min[s] << 4));
    pack_pairs(fit.q().data(), 0, b.qs);
    return b;
  });
}

void encode_q3_k(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ3_K, kSuperBlockValues>(src, dst, [](const float* x) {
    const CentredFit<EvenGrid<-4>, 16, -32> fit(x);
    BlockQ3_K b;
    std::memset(&b, 0, sizeof(b));
    b.d = f32_to_f16(fit.best().d);
    for (size_t s = 0; s < 16; ++s) {
      const int scale = fit.best().scale[s] + 32;
      b.scales[s % 8] = static_cast<uint8_t>(b.scales[s % 8] | ((scale & 15) << (s < 8 ? 0 : 4)));
      uint8_t& high = b.scales[8 + s % 4];
      high = static_cast<uint8_t>(high | ((scale >> 4) << (2 * (s / 4))));
    }
    std::array<int, kSuperBlockValues> q = fit.q();
    for (size_t i = 0; i < kSuperBlockValues; ++i) {
      q[i] += 4;
      uint8_t& mask = b.hmask[i % 32];
      mask = static_cast<uint8_t>(mask | ((q[i] >> 2) << (i / 32)));
    }
    pack_pairs(q.data(), 0, b.qs);
    return b;
  });
}

void encode_q4_k(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ4_K, kSuperBlockValues>(src, dst, [](const float* x) {
    const OffsetFit<8, 15, 63> fit(x);
    BlockQ4_K b;
    b.d = f32_to_f16(fit.best().d);
    b.dmin = f32_to_f16(fit.best().dmin);
    pack_k4_scales(fit.best(), b.scales);
    pack_k4_nibbles(fit.q().data(), b.qs);
    return b;
  });
}

void encode_q5_k(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ5_K, kSuperBlockValues>(src, dst, [](const float* x) {
    const OffsetFit<8, 31, 63> fit(x);
    BlockQ5_K b;
    b.d = f32_to_f16(fit.best().d);
    b.dmin = f32_to_f16(fit.best().dmin);
    pack_k4_scales(fit.best(), b.scales);
    pack_k4_nibbles(fit.q().data(), b.qs);
    std::memset(b.qh, 0, sizeof(b.qh));
    for (size_t i = 0; i < kSuperBlockValues; ++i)
      b.qh[i % 32] = static_cast<uint8_t>(b.qh[i % 32] | ((fit.q()[i] >> 4) << (i / 32)));
    return b;
  });
}

void encode_q6_k(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ6_K, kSuperBlockValues>(src, dst, [](const float* x) {
    const CentredFit<EvenGrid<-32>, 16, -128> fit(x);
    BlockQ6_K b;
    b.d = f32_to_f16(fit.best().d);
    for (size_t s = 0; s < 16; ++s) b.scales[s] = static_cast<int8_t>(fit.best().scale[s]);
    std::array<int, kSuperBlockValues> q = fit.q();
    for (int& value : q) value += 32;
    pack_pairs(q.data(), 4, b.qh);
    for (size_t i = 0; i < kSuperBlockValues / 2; ++i) {
      const size_t half = i / 64, place = i % 64;  // places 0..63: planes 0 and 1, and above them 2 and 3
      b.ql[i] = static_cast<uint8_t>((q[128 * half + place] & 15) | ((q[128 * half + 64 + place] & 15) << 4));
    }
    return b;
  });
}

}  // namespace gantry::quant
