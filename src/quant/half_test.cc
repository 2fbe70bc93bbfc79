#include "quant/half.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace gantry::quant {
namespace {

// The value of a binary16 by its definition, in arithmetic that is exact.
double by_definition(uint32_t bits) {
  const int exponent = static_cast<int>((bits >> 10) & 31);
  const double mantissa = bits & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(Half, EveryBinary16HasItsValueAndComesBack) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = f16_to_f32(static_cast<uint16_t>(bits));
    const bool special = ((bits >> 10) & 31) == 31;
    if (!special) {
      EXPECT_EQ(static_cast<double>(value), by_definition(bits)) << bits;
      EXPECT_EQ(std::signbit(value), (bits & 0x8000) != 0) << bits;
    } else if ((bits & 1023) == 0) {
      EXPECT_TRUE(std::isinf(value)) << bits;
    } else {
      EXPECT_TRUE(std::isnan(value)) << bits;
      const uint32_t back = f32_to_f16(value);
      EXPECT_EQ(back, bits | 0x200u) << "a NaN keeps its sign and payload, quiet";
      continue;
    }
    EXPECT_EQ(f32_to_f16(value), bits);
  }
}

// Between two neighbours: the middle goes to the even one, a hair beside it to the nearer one.
TEST(Half, RoundsToNearestEvenEverywhere) {
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const double low = by_definition(bits), high = by_definition(bits + 1);
    const auto middle = static_cast<float>((low + high) / 2);  // exact: one more bit
    const uint32_t even = (bits & 1) == 0 ? bits : bits + 1;
    EXPECT_EQ(f32_to_f16(middle), even) << bits;
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), bits) << bits;
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, 1e9f)), bits + 1) << bits;
    EXPECT_EQ(f32_to_f16(-middle), even | 0x8000u) << bits;
  }
}

TEST(Half, LeavesTheRangeAsIeeeSays) {
  EXPECT_EQ(f32_to_f16(65504.0f), 0x7bffu);
  EXPECT_EQ(f32_to_f16(std::nextafter(65520.0f, 0.0f)), 0x7bffu);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00u);
  EXPECT_EQ(f32_to_f16(1e30f), 0x7c00u);
  EXPECT_EQ(f32_to_f16(-1e30f), 0xfc00u);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0u);
  EXPECT_EQ(f32_to_f16(std::nextafter(0x1p-25f, 1.0f)), 1u);
  EXPECT_EQ(f32_to_f16(-1e-30f), 0x8000u);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::infinity()), 0x7c00u);
}

TEST(Bfloat16, EveryValueComesBackAndTiesGoToEven) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = bf16_to_f32(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_EQ(f32_to_bf16(value), bits | 0x40u);
      continue;
    }
    EXPECT_EQ(f32_to_bf16(value), bits);
    if ((bits & 0x7fff) >= 0x7f80) continue;  // infinity has no neighbour above
    const float middle = std::bit_cast<float>((bits << 16) | 0x8000u);
    EXPECT_EQ(f32_to_bf16(middle), (bits & 1) == 0 ? bits : bits + 1) << bits;
    EXPECT_EQ(f32_to_bf16(std::bit_cast<float>((bits << 16) | 0x7fffu)), bits) << bits;
    EXPECT_EQ(f32_to_bf16(std::bit_cast<float>((bits << 16) | 0x8001u)), bits + 1) << bits;
  }
}

}  // namespace
}  // namespace gantry::quant
