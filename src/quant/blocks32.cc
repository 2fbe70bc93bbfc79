// Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0: blocks of 32 values with one scale, some with an offset.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/half.h"
#include "quant/lane_search.h"
#include "quant/rows.h"

namespace gantry::quant {
namespace {

// Bit j of the four bytes, as a fifth bit.
constexpr int fifth_bit(const uint8_t* qh, size_t j) { return ((qh[j / 8] >> (j % 8)) & 1) << 4; }

void pack_fifth_bits(const int* q, uint8_t* qh) {
  std::memset(qh, 0, kBlockValues / 8);
  for (size_t j = 0; j < kBlockValues; ++j)
    qh[j / 8] = static_cast<uint8_t>(qh[j / 8] | (((q[j] >> 4) & 1) << (j % 8)));
}

// The blocks of a row, kBlocksAtOnce at a time; a last, shorter group is filled up with zeros. make(x, scale,
// offset) gives one block.
template <typename Block, typename Find, typename Make>
void encode_groups(std::span<const float> src, std::span<std::byte> dst, Find find, Make make) {
  const size_t blocks = src.size() / kBlockValues;
  for (size_t first = 0; first < blocks; first += kBlocksAtOnce) {
    const size_t count = std::min(kBlocksAtOnce, blocks - first);
    float x[kBlocksAtOnce * kBlockValues] = {};
    std::copy_n(src.data() + first * kBlockValues, count * kBlockValues, x);
    BlocksFound found;
    find(x, found);
    for (size_t i = 0; i < count; ++i) {
      const Block block = make(x + i * kBlockValues, found.scale[i], found.offset[i]);
      std::memcpy(dst.data() + (first + i) * sizeof(Block), &block, sizeof(Block));
    }
  }
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
  encode_groups<BlockQ4_0>(src, dst, find_q4_0, [](const float* x, float scale, float) {
    BlockQ4_0 b;
    int q[kBlockValues];
    quantize<kBlockValues>(x, scale, 0, -8, 7, q);
    for (int& value : q) value += 8;
    b.d = f32_to_f16(scale);
    pack_nibbles(q, b.qs);
    return b;
  });
}

void encode_q4_1(std::span<const float> src, std::span<std::byte> dst) {
  encode_groups<BlockQ4_1>(src, dst, find_q4_1, [](const float* x, float scale, float offset) {
    BlockQ4_1 b;
    int q[kBlockValues];
    quantize<kBlockValues>(x, scale, offset, 0, 15, q);
    b.d = f32_to_f16(scale);
    b.m = f32_to_f16(offset);
    pack_nibbles(q, b.qs);
    return b;
  });
}

void encode_q5_0(std::span<const float> src, std::span<std::byte> dst) {
  encode_groups<BlockQ5_0>(src, dst, find_q5_0, [](const float* x, float scale, float) {
    BlockQ5_0 b;
    int q[kBlockValues];
    quantize<kBlockValues>(x, scale, 0, -16, 15, q);
    for (int& value : q) value += 16;
    b.d = f32_to_f16(scale);
    pack_fifth_bits(q, b.qh);
    pack_nibbles(q, b.qs);
    return b;
  });
}

void encode_q5_1(std::span<const float> src, std::span<std::byte> dst) {
  encode_groups<BlockQ5_1>(src, dst, find_q5_1, [](const float* x, float scale, float offset) {
    BlockQ5_1 b;
    int q[kBlockValues];
    quantize<kBlockValues>(x, scale, offset, 0, 31, q);
    b.d = f32_to_f16(scale);
    b.m = f32_to_f16(offset);
    pack_fifth_bits(q, b.qh);
    pack_nibbles(q, b.qs);
    return b;
  });
}

// -128 is left unused: kernels may negate q.
void encode_q8_0(std::span<const float> src, std::span<std::byte> dst) {
  encode_groups<BlockQ8_0>(src, dst, find_q8_0, [](const float* x, float scale, float) {
    BlockQ8_0 b;
    int q[kBlockValues];
    quantize<kBlockValues>(x, scale, 0, -127, 127, q);
    b.d = f32_to_f16(scale);
    for (size_t j = 0; j < kBlockValues; ++j) b.qs[j] = static_cast<int8_t>(q[j]);
    return b;
  });
}

}  // namespace gantry::quant
