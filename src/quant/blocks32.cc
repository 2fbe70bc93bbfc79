// Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0: blocks of 32 values with one scale, some with an offset.
#include <cstdint>
#include <cstring>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/half.h"
#include "quant/rows.h"

namespace gantry::quant {
namespace {

constexpr size_t kHalf = kBlockValues / 2;

// Bit j of the four bytes, as a fifth bit.
constexpr int fifth_bit(const uint8_t* qh, size_t j) { return ((qh[j / 8] >> (j % 8)) & 1) << 4; }

void pack_nibbles(const int* q, uint8_t* qs) {
  for (size_t j = 0; j < kHalf; ++j) qs[j] = static_cast<uint8_t>((q[j] & 15) | ((q[j + kHalf] & 15) << 4));
}

void pack_fifth_bits(const int* q, uint8_t* qh) {
  std::memset(qh, 0, kBlockValues / 8);
  for (size_t j = 0; j < kBlockValues; ++j)
    qh[j / 8] = static_cast<uint8_t>(qh[j / 8] | (((q[j] >> 4) & 1) << (j % 8)));
}

// Fits x ~ d * (q - zero), 0 <= q < 2 * zero; returns the bits of d.
uint16_t fit_centred(const float* x, int zero, int* q) {
  const float d = fit_scale<kBlockValues>(x, -zero, zero - 1, to_half);
  quantize<kBlockValues>(x, d, 0, -zero, zero - 1, q);
  for (size_t j = 0; j < kBlockValues; ++j) q[j] += zero;
  return f32_to_f16(d);
}

struct HalfPair {
  uint16_t d, m;
};
HalfPair fit_offset(const float* x, int high, int* q) {
  constexpr float kNoBound = 65504;
  const ScaleOffset fit = fit_scale_offset<kBlockValues>(x, high, kNoBound, to_half);
  quantize<kBlockValues>(x, fit.scale, fit.offset, 0, high, q);
  return {f32_to_f16(fit.scale), f32_to_f16(fit.offset)};
}

}  // namespace

void decode_q4_0(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ4_0, kBlockValues>(src, dst, [](const BlockQ4_0& b, float* y) {
    const float d = f16_to_f32(b.d);
    for (size_t j = 0; j < kHalf; ++j) {
      y[j] = static_cast<float>((b.qs[j] & 15) - 8) * d;
      y[j + kHalf] = static_cast<float>((b.qs[j] >> 4) - 8) * d;
    }
  });
}

void decode_q4_1(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ4_1, kBlockValues>(src, dst, [](const BlockQ4_1& b, float* y) {
    const float d = f16_to_f32(b.d), m = f16_to_f32(b.m);
    for (size_t j = 0; j < kHalf; ++j) {
      y[j] = static_cast<float>(b.qs[j] & 15) * d + m;
      y[j + kHalf] = static_cast<float>(b.qs[j] >> 4) * d + m;
    }
  });
}

void decode_q5_0(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ5_0, kBlockValues>(src, dst, [](const BlockQ5_0& b, float* y) {
    const float d = f16_to_f32(b.d);
    for (size_t j = 0; j < kHalf; ++j) {
      y[j] = static_cast<float>(((b.qs[j] & 15) | fifth_bit(b.qh, j)) - 16) * d;
      y[j + kHalf] = static_cast<float>(((b.qs[j] >> 4) | fifth_bit(b.qh, j + kHalf)) - 16) * d;
    }
  });
}

void decode_q5_1(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ5_1, kBlockValues>(src, dst, [](const BlockQ5_1& b, float* y) {
    const float d = f16_to_f32(b.d), m = f16_to_f32(b.m);
    for (size_t j = 0; j < kHalf; ++j) {
      y[j] = static_cast<float>((b.qs[j] & 15) | fifth_bit(b.qh, j)) * d + m;
      y[j + kHalf] = static_cast<float>((b.qs[j] >> 4) | fifth_bit(b.qh, j + kHalf)) * d + m;
    }
  });
}

void decode_q8_0(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ8_0, kBlockValues>(src, dst, [](const BlockQ8_0& b, float* y) {
    const float d = f16_to_f32(b.d);
    for (size_t j = 0; j < kBlockValues; ++j) y[j] = static_cast<float>(b.qs[j]) * d;
  });
}

void encode_q4_0(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ4_0, kBlockValues>(src, dst, [](const float* x) {
    BlockQ4_0 b;
    int q[kBlockValues];
    b.d = fit_centred(x, 8, q);
    pack_nibbles(q, b.qs);
    return b;
  });
}

void encode_q4_1(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ4_1, kBlockValues>(src, dst, [](const float* x) {
    BlockQ4_1 b;
    int q[kBlockValues];
    const HalfPair fit = fit_offset(x, 15, q);
    b.d = fit.d;
    b.m = fit.m;
    pack_nibbles(q, b.qs);
    return b;
  });
}

void encode_q5_0(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ5_0, kBlockValues>(src, dst, [](const float* x) {
    BlockQ5_0 b;
    int q[kBlockValues];
    b.d = fit_centred(x, 16, q);
    pack_fifth_bits(q, b.qh);
    pack_nibbles(q, b.qs);
    return b;
  });
}

void encode_q5_1(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ5_1, kBlockValues>(src, dst, [](const float* x) {
    BlockQ5_1 b;
    int q[kBlockValues];
    const HalfPair fit = fit_offset(x, 31, q);
    b.d = fit.d;
    b.m = fit.m;
    pack_fifth_bits(q, b.qh);
    pack_nibbles(q, b.qs);
    return b;
  });
}

// -128 is left unused: kernels may negate q.
void encode_q8_0(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ8_0, kBlockValues>(src, dst, [](const float* x) {
    BlockQ8_0 b;
    int q[kBlockValues];
    const float d = fit_scale<kBlockValues>(x, -127, 127, to_half);
    quantize<kBlockValues>(x, d, 0, -127, 127, q);
    b.d = f32_to_f16(d);
    for (size_t j = 0; j < kBlockValues; ++j) b.qs[j] = static_cast<int8_t>(q[j]);
    return b;
  });
}

}  // namespace gantry::quant
