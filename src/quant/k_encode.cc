// Float to Q2_K .. Q6_K: lane_search.h's search, and the packing.
#include <array>
#include <cstdint>
#include <cstring>

#include "quant/blocks.h"
#include "quant/half.h"
#include "quant/lane_search.h"
#include "quant/rows.h"

namespace gantry::quant {
namespace {

// The low `2` bits of 256 values, four planes of 32 to a half.
void pack_pairs(const int* q, int shift, uint8_t* out) {
  std::memset(out, 0, kSuperBlockValues / 4);
  for (size_t i = 0; i < kSuperBlockValues; ++i) {
    uint8_t& byte = out[32 * (i / 128) + i % 32];
    byte = static_cast<uint8_t>(byte | (((q[i] >> shift) & 3) << (2 * (i / 32 % 4))));
  }
}

void pack_k4_scales(const KFound& fit, uint8_t* scales) {
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
    KFound fit;
    find_q2_k(x, fit);
    BlockQ2_K b;
    b.d = f32_to_f16(fit.d);
    b.dmin = f32_to_f16(fit.dmin);
    for (size_t s = 0; s < 16; ++s) b.scales[s] = static_cast<uint8_t>(fit.scale[s] | (fit.min[s] << 4));
    pack_pairs(fit.q.data(), 0, b.qs);
    return b;
  });
}

void encode_q3_k(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ3_K, kSuperBlockValues>(src, dst, [](const float* x) {
    KFound fit;
    find_q3_k(x, fit);
    BlockQ3_K b;
    std::memset(&b, 0, sizeof(b));
    b.d = f32_to_f16(fit.d);
    for (size_t s = 0; s < 16; ++s) {
      const int scale = fit.scale[s] + 32;
      b.scales[s % 8] = static_cast<uint8_t>(b.scales[s % 8] | ((scale & 15) << (s < 8 ? 0 : 4)));
      uint8_t& high = b.scales[8 + s % 4];
      high = static_cast<uint8_t>(high | ((scale >> 4) << (2 * (s / 4))));
    }
    std::array<int, kSuperBlockValues> q = fit.q;
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
    KFound fit;
    find_q4_k(x, fit);
    BlockQ4_K b;
    b.d = f32_to_f16(fit.d);
    b.dmin = f32_to_f16(fit.dmin);
    pack_k4_scales(fit, b.scales);
    pack_k4_nibbles(fit.q.data(), b.qs);
    return b;
  });
}

void encode_q5_k(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ5_K, kSuperBlockValues>(src, dst, [](const float* x) {
    KFound fit;
    find_q5_k(x, fit);
    BlockQ5_K b;
    b.d = f32_to_f16(fit.d);
    b.dmin = f32_to_f16(fit.dmin);
    pack_k4_scales(fit, b.scales);
    pack_k4_nibbles(fit.q.data(), b.qs);
    std::memset(b.qh, 0, sizeof(b.qh));
    for (size_t i = 0; i < kSuperBlockValues; ++i)
      b.qh[i % 32] = static_cast<uint8_t>(b.qh[i % 32] | ((fit.q[i] >> 4) << (i / 32)));
    return b;
  });
}

void encode_q6_k(std::span<const float> src, std::span<std::byte> dst) {
  encode_blocks<BlockQ6_K, kSuperBlockValues>(src, dst, [](const float* x) {
    KFound fit;
    find_q6_k(x, fit);
    BlockQ6_K b;
    b.d = f32_to_f16(fit.d);
    for (size_t s = 0; s < 16; ++s) b.scales[s] = static_cast<int8_t>(fit.scale[s]);
    std::array<int, kSuperBlockValues> q = fit.q;
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
