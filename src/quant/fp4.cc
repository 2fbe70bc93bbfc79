// MXFP4 and NVFP4: floats of four bits under a scale of eight. There are so few scales that those which could
// be best are all tried.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/level_grid.h"
#include "quant/rows.h"

namespace gantry::quant {
namespace {

using Fp4Grid = LevelGrid<kFp4Levels>;
constexpr size_t kSub = 16, kHalfSub = kSub / 2;  // NVFP4

template <size_t kCount>
float peak_of(const float* x) {
  float peak = 0;
  for (size_t i = 0; i < kCount; ++i) peak = std::max(peak, std::abs(x[i]));
  return peak;
}

// The exponent e for x, and in q the levels. The error is measured on values brought near one by a power of
// two, which is exact: neither very small nor very large values vanish in it.
uint8_t fit_mxfp4(const float* x, int* q) {
  const float peak = peak_of<kBlockValues>(x);
  if (peak == 0) {
    std::fill_n(q, kBlockValues, 0);
    return 0;
  }
  const int magnitude = std::ilogb(peak);
  float near_one[kBlockValues];
  for (size_t i = 0; i < kBlockValues; ++i) near_one[i] = std::ldexp(x[i], -magnitude);
  int best = 0;
  float best_scale = 0, best_error = std::numeric_limits<float>::infinity();
  // The peak comes to lie between 2^up and 2^(up + 1) levels; the last level is 12.
  for (int up = 4; up >= 0; --up) {
    const int e = std::clamp(128 + magnitude - up, 0, int{kMxfp4MaxExponent});
    const float scale = std::ldexp(1.0f, e - 128 - magnitude);
    const float error = Fp4Grid::measure<kBlockValues>(near_one, scale).error;
    if (error >= best_error) continue;
    best = e;
    best_scale = scale;
    best_error = error;
  }
  Fp4Grid::quantize<kBlockValues>(near_one, best_scale, q);
  return static_cast<uint8_t>(best);
}

// The code of the scale for a sub-block, and in q the levels.
uint8_t fit_nvfp4(const float* x, int* q) {
  constexpr int kLast = 0x7e;
  const float peak = peak_of<kSub>(x);
  // The first code whose scale reaches the peak with its last level, and those that clip it to as little as
  // half, or leave the upper levels empty; eight codes are a factor of two.
  int reach = 0;
  while (reach < kLast && nvfp4_scale(static_cast<uint8_t>(reach)) * Fp4Grid::kHigh < peak) ++reach;
  int best = 0;
  float best_error = std::numeric_limits<float>::infinity();
  for (int code = std::max(reach - 8, 0); code <= std::min(reach + 16, kLast); ++code) {
    const float error = Fp4Grid::measure<kSub>(x, nvfp4_scale(static_cast<uint8_t>(code))).error;
    if (error >= best_error) continue;
    best = code;
    best_error = error;
  }
  Fp4Grid::quantize<kSub>(x, nvfp4_scale(static_cast<uint8_t>(best)), q);
  return static_cast<uint8_t>(best);
}

}  // namespace

void decode_mxfp4(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockMXFP4, kBlockValues>(src, dst, [](const BlockMXFP4& b, float* y) {
    const float d = mxfp4_scale(b.e);
    for (size_t j = 0; j < kHalf; ++j) {
      y[j] = static_cast<float>(kFp4Levels[b.qs[j] & 15]) * d;
      y[j + kHalf] = static_cast<float>(kFp4Levels[b.qs[j] >> 4]) * d;
    }
  });
}

void decode_nvfp4(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockNVFP4, kBlockValuesNvfp4>(src, dst, [](const BlockNVFP4& b, float* y) {
    for (size_t s = 0; s < 4; ++s) {
      const float d = nvfp4_scale(b.d[s]);
      for (size_t j = 0; j < kHalfSub; ++j) {
        const uint8_t pair = b.qs[kHalfSub * s + j];
        y[kSub * s + j] = static_cast<float>(kFp4Levels[pair & 15]) * d;
        y[kSub * s + kHalfSub + j] = static_cast<float>(kFp4Levels[pair >> 4]) * d;
      }
    }
  });
}

void encode_mxfp4(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockMXFP4, kBlockValues>(src, dst, [](const float* x) {
    BlockMXFP4 b;
    int q[kBlockValues];
    b.e = fit_mxfp4(x, q);
    pack_nibbles(q, b.qs);
    return b;
  });
}

void encode_nvfp4(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockNVFP4, kBlockValuesNvfp4>(src, dst, [](const float* x) {
    BlockNVFP4 b;
    for (size_t s = 0; s < 4; ++s) {
      int q[kSub];
      b.d[s] = fit_nvfp4(x + kSub * s, q);
      for (size_t j = 0; j < kHalfSub; ++j)
        b.qs[kHalfSub * s + j] = static_cast<uint8_t>(q[j] | (q[j + kHalfSub] << 4));
    }
    return b;
  });
}

}  // namespace gantry::quant
