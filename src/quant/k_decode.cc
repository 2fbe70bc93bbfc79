// Q2_K .. Q6_K to float: super-blocks of 256 values whose sub-blocks have small integer scales of their own.
#include <cstdint>

#include "quant/blocks.h"
#include "quant/half.h"
#include "quant/rows.h"

namespace gantry::quant {

void decode_q2_k(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ2_K, kSuperBlockValues>(src, dst, [](const BlockQ2_K& b, float* y) {
    const float d = f16_to_f32(b.d), dmin = f16_to_f32(b.dmin);
    for (size_t i = 0; i < kSuperBlockValues; ++i) {
      const size_t half = i / 128, plane = i / 32 % 4, l = i % 32;
      const uint8_t scale = b.scales[i / 16];
      const int q = (b.qs[32 * half + l] >> (2 * plane)) & 3;
      y[i] =
          d * static_cast<float>(scale & 15) * static_cast<float>(q) - dmin * static_cast<float>(scale >> 4);
    }
  });
}

void decode_q3_k(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ3_K, kSuperBlockValues>(src, dst, [](const BlockQ3_K& b, float* y) {
    const float d = f16_to_f32(b.d);
    for (size_t i = 0; i < kSuperBlockValues; ++i) {
      const size_t half = i / 128, plane = i / 32 % 4, l = i % 32;
      const int scale = q3_k_scale(b.scales, static_cast<unsigned>(i / 16)) - 32;
      const int low = (b.qs[32 * half + l] >> (2 * plane)) & 3;
      const int high = (b.hmask[l] >> (4 * half + plane)) & 1;
      y[i] = d * static_cast<float>(scale) * static_cast<float>(low + 4 * high - 4);
    }
  });
}

void decode_q4_k(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ4_K, kSuperBlockValues>(src, dst, [](const BlockQ4_K& b, float* y) {
    const float d = f16_to_f32(b.d), dmin = f16_to_f32(b.dmin);
    for (unsigned s = 0; s < 8; ++s) {
      const ScaleMin sm = k4_scale_min(b.scales, s);
      const float scale = d * static_cast<float>(sm.scale), min = dmin * static_cast<float>(sm.min);
      for (unsigned l = 0; l < 32; ++l) {
        const int q = (b.qs[32 * (s / 2) + l] >> (4 * (s % 2))) & 15;
        y[32 * s + l] = scale * static_cast<float>(q) - min;
      }
    }
  });
}

void decode_q5_k(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ5_K, kSuperBlockValues>(src, dst, [](const BlockQ5_K& b, float* y) {
    const float d = f16_to_f32(b.d), dmin = f16_to_f32(b.dmin);
    for (unsigned s = 0; s < 8; ++s) {
      const ScaleMin sm = k4_scale_min(b.scales, s);
      const float scale = d * static_cast<float>(sm.scale), min = dmin * static_cast<float>(sm.min);
      for (unsigned l = 0; l < 32; ++l) {
        const int low = (b.qs[32 * (s / 2) + l] >> (4 * (s % 2))) & 15;
        const int high = (b.qh[l] >> s) & 1;
        y[32 * s + l] = scale * static_cast<float>(low + 16 * high) - min;
      }
    }
  });
}

void decode_q6_k(std::span<const std::byte> src, std::span<float> dst) {
  decode_blocks<BlockQ6_K, kSuperBlockValues>(src, dst, [](const BlockQ6_K& b, float* y) {
    const float d = f16_to_f32(b.d);
    for (size_t i = 0; i < kSuperBlockValues; ++i) {
      const size_t half = i / 128, plane = i / 32 % 4, l = i % 32;
      const int low = (b.ql[64 * half + 32 * (plane % 2) + l] >> (4 * (plane / 2))) & 15;
      const int high = (b.qh[32 * half + l] >> (2 * plane)) & 3;
      y[i] = d * static_cast<float>(b.scales[i / 16]) * static_cast<float>(low + 16 * high - 32);
    }
  });
}

}  // namespace gantry::quant
