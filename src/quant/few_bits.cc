// TQ1_0, TQ2_0, Q1_0 and Q2_0: one to two bits a value under one scale. With so few levels the best scale of
// all is found, not searched for: as it falls from infinity, values leave one level for the next at known
// scales, and between two such events the assignment is fixed and its best scale a quotient of sums.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/half.h"
#include "quant/rows.h"

namespace gantry::quant {
namespace {

// Levels -1, 0, 1. The values themselves need not be known, only how large they are.
template <size_t kCount>
float fit_ternary(const float* x) {
  std::array<float, kCount> size;
  for (size_t i = 0; i < kCount; ++i) size[i] = std::abs(x[i]);
  std::sort(size.begin(), size.end(), [](float a, float b) { return a > b; });
  double sum = 0, best = 0, best_gain = 0;
  for (size_t i = 0; i < kCount; ++i) {
    sum += static_cast<double>(size[i]);
    const double count = static_cast<double>(i + 1), gain = sum * sum / count;
    if (gain <= best_gain) continue;
    best_gain = gain;
    best = sum / count;
  }
  return to_half(static_cast<float>(best));
}

// Levels -1, 0, 1, 2, and the negative of these where the scale is negative.
template <size_t kCount>
float fit_up_to_two(const float* x) {
  struct Event {
    float scale;    // at which the value rises by a level
    float gain_xq;  // its size
    float gain_qq;  // 1 from level 0 to 1 or -1, 3 from 1 to 2
  };
  double best = 0, best_gain = 0;
  for (const float sign : {1.0f, -1.0f}) {
    std::array<Event, 2 * kCount> events;
    size_t count = 0;
    for (size_t i = 0; i < kCount; ++i) {
      const float value = sign * x[i], size = std::abs(value);
      if (size == 0) continue;
      events[count++] = {2 * size, size, 1};
      if (value > 0) events[count++] = {2 * size / 3, size, 3};
    }
    std::sort(events.data(), events.data() + count, [](const Event& a, const Event& b) {
      return a.scale != b.scale ? a.scale > b.scale : a.gain_qq < b.gain_qq;
    });
    double xq = 0, qq = 0;
    for (size_t i = 0; i < count; ++i) {
      xq += static_cast<double>(events[i].gain_xq);
      qq += static_cast<double>(events[i].gain_qq);
      if (xq * xq <= best_gain * qq) continue;
      best_gain = xq * xq / qq;
      best = static_cast<double>(sign) * xq / qq;
    }
  }
  return to_half(static_cast<float>(best));
}

// Five values (four, with a fifth that is level 0 of the code) to a byte, `stride` apart.
uint8_t pack_ternary(const int* q, size_t stride, size_t count) {
  uint8_t digits[5] = {};
  for (size_t n = 0; n < count; ++n) digits[n] = static_cast<uint8_t>(q[n * stride]);
  return ternary_byte(digits);
}

template <size_t kCount>
void quantize_ternary(const float* x, float d, int* q) {
  quantize<kCount>(x, d, 0, -1, 1, q);
  for (size_t i = 0; i < kCount; ++i) ++q[i];
}

}  // namespace

void decode_tq1_0(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockTQ1_0, kSuperBlockValues>(src, dst, [](const BlockTQ1_0& b, float* y) {
    const float d = f16_to_f32(b.d);
    const auto decode = [d](uint8_t byte, unsigned n) {
      return static_cast<float>(ternary_digit(byte, n) - 1) * d;
    };
    for (unsigned n = 0; n < 5; ++n)
      for (size_t m = 0; m < 32; ++m) y[32 * n + m] = decode(b.qs[m], n);
    for (unsigned n = 0; n < 5; ++n)
      for (size_t m = 0; m < 16; ++m) y[160 + 16 * n + m] = decode(b.qs[32 + m], n);
    for (unsigned n = 0; n < 4; ++n)
      for (size_t m = 0; m < 4; ++m) y[240 + 4 * n + m] = decode(b.qh[m], n);
  });
}

void decode_tq2_0(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockTQ2_0, kSuperBlockValues>(src, dst, [](const BlockTQ2_0& b, float* y) {
    const float d = f16_to_f32(b.d);
    for (size_t i = 0; i < kSuperBlockValues; ++i) {
      const int q = (b.qs[32 * (i / 128) + i % 32] >> (2 * (i / 32 % 4))) & 3;
      y[i] = static_cast<float>(q - 1) * d;
    }
  });
}

void decode_q1_0(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ1_0, kBlockValuesQ1_0>(src, dst, [](const BlockQ1_0& b, float* y) {
    const float d = f16_to_f32(b.d);
    for (size_t j = 0; j < kBlockValuesQ1_0; ++j) y[j] = (b.qs[j / 8] >> (j % 8)) & 1 ? d : -d;
  });
}

void decode_q2_0(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ2_0, kBlockValuesQ2_0>(src, dst, [](const BlockQ2_0& b, float* y) {
    const float d = f16_to_f32(b.d);
    for (size_t j = 0; j < kBlockValuesQ2_0; ++j)
      y[j] = static_cast<float>(((b.qs[j / 4] >> (2 * (j % 4))) & 3) - 1) * d;
  });
}

void encode_tq1_0(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockTQ1_0, kSuperBlockValues>(src, dst, [](const float* x) {
    BlockTQ1_0 b;
    int q[kSuperBlockValues];
    const float d = fit_ternary<kSuperBlockValues>(x);
    quantize_ternary<kSuperBlockValues>(x, d, q);
    for (size_t m = 0; m < 32; ++m) b.qs[m] = pack_ternary(q + m, 32, 5);
    for (size_t m = 0; m < 16; ++m) b.qs[32 + m] = pack_ternary(q + 160 + m, 16, 5);
    for (size_t m = 0; m < 4; ++m) b.qh[m] = pack_ternary(q + 240 + m, 4, 4);
    b.d = f32_to_f16(d);
    return b;
  });
}

void encode_tq2_0(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockTQ2_0, kSuperBlockValues>(src, dst, [](const float* x) {
    BlockTQ2_0 b;
    int q[kSuperBlockValues];
    const float d = fit_ternary<kSuperBlockValues>(x);
    quantize_ternary<kSuperBlockValues>(x, d, q);
    std::memset(b.qs, 0, sizeof(b.qs));
    for (size_t i = 0; i < kSuperBlockValues; ++i) {
      uint8_t& byte = b.qs[32 * (i / 128) + i % 32];
      byte = static_cast<uint8_t>(byte | (q[i] << (2 * (i / 32 % 4))));
    }
    b.d = f32_to_f16(d);
    return b;
  });
}

void encode_q1_0(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ1_0, kBlockValuesQ1_0>(src, dst, [](const float* x) {
    BlockQ1_0 b;
    std::memset(b.qs, 0, sizeof(b.qs));
    double sum = 0;
    for (size_t j = 0; j < kBlockValuesQ1_0; ++j) {
      sum += static_cast<double>(std::abs(x[j]));
      if (x[j] >= 0) b.qs[j / 8] = static_cast<uint8_t>(b.qs[j / 8] | (1 << (j % 8)));
    }
    b.d = f32_to_f16(static_cast<float>(sum / kBlockValuesQ1_0));
    return b;
  });
}

void encode_q2_0(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ2_0, kBlockValuesQ2_0>(src, dst, [](const float* x) {
    BlockQ2_0 b;
    std::memset(b.qs, 0, sizeof(b.qs));
    int q[kBlockValuesQ2_0];
    const float d = fit_up_to_two<kBlockValuesQ2_0>(x);
    quantize<kBlockValuesQ2_0>(x, d, 0, -1, 2, q);
    for (size_t j = 0; j < kBlockValuesQ2_0; ++j)
      b.qs[j / 4] = static_cast<uint8_t>(b.qs[j / 4] | ((q[j] + 1) << (2 * (j % 4))));
    b.d = f32_to_f16(d);
    return b;
  });
}

}  // namespace gantry::quant
