// Inside quant only: the row functions that dtype.cc chooses among. Sizes have been checked there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "quant/blocks.h"
#include "quant/dtype.h"

namespace gantry::quant {

inline constexpr size_t kHalf = kBlockValues / 2;

// The codes of a block, 4 bits of each: the first half in the low ones.
inline void pack_nibbles(const int* q, uint8_t* qs) {
  for (size_t j = 0; j < kHalf; ++j) qs[j] = static_cast<uint8_t>((q[j] & 15) | ((q[j + kHalf] & 15) << 4));
}

// simple.cc
void decode_f32(std::span<const std::byte> src, std::span<float> dst);
void decode_f16(std::span<const std::byte> src, std::span<float> dst);
void decode_bf16(std::span<const std::byte> src, std::span<float> dst);
void encode_f32(std::span<const float> src, std::span<std::byte> dst);
void encode_f16(std::span<const float> src, std::span<std::byte> dst);
void encode_bf16(std::span<const float> src, std::span<std::byte> dst);

// blocks32.cc
void decode_q4_0(std::span<const std::byte> src, std::span<float> dst);
void decode_q4_1(std::span<const std::byte> src, std::span<float> dst);
void decode_q5_0(std::span<const std::byte> src, std::span<float> dst);
void decode_q5_1(std::span<const std::byte> src, std::span<float> dst);
void decode_q8_0(std::span<const std::byte> src, std::span<float> dst);
void encode_q4_0(std::span<const float> src, std::span<std::byte> dst);
void encode_q4_1(std::span<const float> src, std::span<std::byte> dst);
void encode_q5_0(std::span<const float> src, std::span<std::byte> dst);
void encode_q5_1(std::span<const float> src, std::span<std::byte> dst);
void encode_q8_0(std::span<const float> src, std::span<std::byte> dst);

// k_decode.cc
void decode_q2_k(std::span<const std::byte> src, std::span<float> dst);
void decode_q3_k(std::span<const std::byte> src, std::span<float> dst);
void decode_q4_k(std::span<const std::byte> src, std::span<float> dst);
void decode_q5_k(std::span<const std::byte> src, std::span<float> dst);
void decode_q6_k(std::span<const std::byte> src, std::span<float> dst);

// k_encode.cc
void encode_q2_k(std::span<const float> src, std::span<std::byte> dst);
void encode_q3_k(std::span<const float> src, std::span<std::byte> dst);
void encode_q4_k(std::span<const float> src, std::span<std::byte> dst);
void encode_q5_k(std::span<const float> src, std::span<std::byte> dst);
void encode_q6_k(std::span<const float> src, std::span<std::byte> dst);

// iq4.cc
void decode_iq4_nl(std::span<const std::byte> src, std::span<float> dst);
void decode_iq4_xs(std::span<const std::byte> src, std::span<float> dst);
void encode_iq4_nl(std::span<const float> src, std::span<std::byte> dst);
void encode_iq4_xs(std::span<const float> src, std::span<std::byte> dst);

// fp4.cc
void decode_mxfp4(std::span<const std::byte> src, std::span<float> dst);
void decode_nvfp4(std::span<const std::byte> src, std::span<float> dst);
void encode_mxfp4(std::span<const float> src, std::span<std::byte> dst);
void encode_nvfp4(std::span<const float> src, std::span<std::byte> dst);

// few_bits.cc
void decode_tq1_0(std::span<const std::byte> src, std::span<float> dst);
void decode_tq2_0(std::span<const std::byte> src, std::span<float> dst);
void decode_q1_0(std::span<const std::byte> src, std::span<float> dst);
void decode_q2_0(std::span<const std::byte> src, std::span<float> dst);
void encode_tq1_0(std::span<const float> src, std::span<std::byte> dst);
void encode_tq2_0(std::span<const float> src, std::span<std::byte> dst);
void encode_q1_0(std::span<const float> src, std::span<std::byte> dst);
void encode_q2_0(std::span<const float> src, std::span<std::byte> dst);

// fit.cc: Error kBadFile when a value is not finite or beyond largest_in_block.
void refuse_what_no_block_can_hold(Dtype dtype, std::span<const float> src);

// Blocks are copied out and in: a row in a mapped file may start at any address.
template <typename Block, size_t kValues, typename Decode>
void decode_blocks(std::span<const std::byte> src, std::span<float> dst, Decode decode) {
  for (size_t i = 0; i < dst.size() / kValues; ++i) {
    Block block;
    std::memcpy(&block, src.data() + i * sizeof(Block), sizeof(Block));
    decode(block, dst.data() + i * kValues);
  }
}

template <typename Block, size_t kValues, typename Encode>
void encode_blocks(std::span<const float> src, std::span<std::byte> dst, Encode encode) {
  for (size_t i = 0; i < src.size() / kValues; ++i) {
    const Block block = encode(src.data() + i * kValues);
    std::memcpy(dst.data() + i * sizeof(Block), &block, sizeof(Block));
  }
}

}  // namespace gantry::quant
