#include "backends/cpu/pack.h"

#include <gtest/gtest.h>

#include "backends/cpu/cpu_sizer.h"
#include "base/error.h"
#include "base/rng.h"
#include "quant/blocks.h"

namespace gantry::cpu {
namespace {

using quant::Dtype;

// The bytes that an encoder would write for the same digits.
void make_canonical(std::span<std::byte> rows) {
  for (size_t at = 0; at < rows.size(); at += sizeof(quant::BlockTQ1_0)) {
    for (size_t i = 0; i < 52; ++i) {
      uint8_t digits[5] = {};
      for (uint32_t n = 0; n < (i < 48 ? 5u : 4u); ++n)
        digits[n] = static_cast<uint8_t>(quant::ternary_digit(std::to_integer<uint8_t>(rows[at + i]), n));
      rows[at + i] = static_cast<std::byte>(quant::ternary_byte(digits));
    }
  }
}

TEST(Pack, LosesNothing) {
  for (const quant::DtypeFacts& facts : quant::dtype_table()) {
    if (!facts.is_weight) continue;
    const Dtype dtype = facts.dtype;
    const uint32_t values = facts.block_values;
    const device::WeightShape shape{dtype, 21, values == 1 ? 45 : values * 5};
    const uint64_t row_bytes = quant::row_bytes(dtype, shape.cols);
    std::vector<std::byte> rows(row_bytes * shape.rows);
    for (size_t i = 0; i < rows.size(); ++i)  // any bytes: also scales that are infinite or not a number
      rows[i] = static_cast<std::byte>(uniform_at(static_cast<uint64_t>(dtype), i) * 256);
    if (dtype == Dtype::kTQ1_0) make_canonical(rows);
    const uint64_t bytes = tile_bytes(dtype, shape.cols);
    std::vector<uint8_t> packed(tile_count(shape.rows) * bytes, 0xff);
    for (uint32_t tile = 0; tile < tile_count(shape.rows); ++tile)
      pack_tile(shape, rows, tile, packed.data() + tile * bytes);
    for (uint32_t row = 0; row < shape.rows; ++row) {
      std::vector<std::byte> got(row_bytes);
      unpack_row(shape, packed.data(), row, got);
      const std::vector<std::byte> want(rows.begin() + static_cast<std::ptrdiff_t>(row * row_bytes),
                                        rows.begin() + static_cast<std::ptrdiff_t>((row + 1) * row_bytes));
      ASSERT_EQ(got, want) << quant::facts(dtype).name << " row " << row;
    }
  }
}

TEST(Pack, ATypeWithoutALinearLayerIsRefused) {
  EXPECT_THROW(tile_bytes(Dtype::kI32, 32), Error);
  EXPECT_THROW(pack_facts(Dtype::kF64), Error);
}

TEST(Groups, CoverEveryTokenOnceAndLieApart) {
  for (const bool quantized : {true, false}) {
    for (uint32_t tokens = 1; tokens < 70; ++tokens) {
      uint32_t next = 0;
      uint64_t end = 0;
      for (uint32_t g = 0; g < group_count(tokens); ++g) {
        const TokenGroup group = token_group(tokens, 96, quantized, g);
        EXPECT_EQ(group.first, next);
        EXPECT_LE(group.tokens, group.width);
        EXPECT_GE(group.x_offset, end);
        next += group.tokens;
        end = group.x_offset + (quantized         ? 3ull * group.x_stride
                                : group.width > 1 ? 96ull * 4 * group.width
                                                  : 0);
      }
      EXPECT_EQ(next, tokens);
      EXPECT_LE(end, grouped_bytes(tokens, 96, quantized));
    }
  }
}

}  // namespace
}  // namespace gantry::cpu
