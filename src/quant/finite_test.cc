#include "quant/finite.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::quant {
namespace {

constexpr uint32_t kValues = 512;

std::vector<std::byte> encoded_row(Dtype dtype) {
  std::vector<float> values(kValues);
  for (uint32_t i = 0; i < kValues; ++i) values[i] = std::sin(static_cast<float>(i) * 1.7F) * 3;
  std::vector<std::byte> row(row_bytes(dtype, kValues));
  encode_row(dtype, values, row);
  return row;
}

bool decodes_finite(Dtype dtype, const std::vector<std::byte>& row) {
  std::vector<float> values(kValues);
  decode_row(dtype, row, values);
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

class Finite : public ::testing::TestWithParam<DtypeFacts> {};

// Whatever one or two bytes of a row become, what is found is what decoding makes of it.
TEST_P(Finite, SaysWhatDecodingSays) {
  const Dtype dtype = GetParam().dtype;
  const std::vector<std::byte> good = encoded_row(dtype);
  EXPECT_FALSE(find_not_finite(dtype, good));
  size_t found = 0;
  for (size_t at = 0; at + 1 < good.size(); ++at) {
    for (const unsigned both : {0x7c00U, 0xfc01U, 0x7f80U, 0xffffU, 0x7bffU, 0xfefeU, 0xfdfdU}) {
      std::vector<std::byte> row = good;
      row[at] = static_cast<std::byte>(both & 255U);
      row[at + 1] = static_cast<std::byte>(both >> 8U);
      const auto place = find_not_finite(dtype, row);
      ASSERT_EQ(place.has_value(), !decodes_finite(dtype, row)) << "byte " << at << " becomes " << both;
      if (!place) continue;
      ++found;
      EXPECT_LE(*place, at + 1);
      EXPECT_GE(*place + 4, at + 1);
    }
  }
  EXPECT_EQ(found > 0, dtype != Dtype::kNVFP4);
}

std::vector<DtypeFacts> coded() {
  std::vector<DtypeFacts> out;
  for (const DtypeFacts& facts : dtype_table())
    if (facts.is_coded) out.push_back(facts);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Types, Finite, ::testing::ValuesIn(coded()),
                         [](const auto& param) { return std::string(param.param.name); });

// Beyond the first stretch, and at an odd address.
TEST(FiniteValues, AreFoundWhereverTheyStand) {
  for (const size_t bad : {size_t{0}, size_t{1023}, size_t{1024}, size_t{5000}}) {
    std::vector<float> values(5001, 1.0F);
    values[bad] = INFINITY;
    const auto bytes = std::as_bytes(std::span(values));
    EXPECT_EQ(find_not_finite(Dtype::kF32, bytes), bad * sizeof(float));
    std::vector<std::byte> moved(bytes.size() + 1);
    std::ranges::copy(bytes, moved.begin() + 1);
    EXPECT_EQ(find_not_finite(Dtype::kF32, std::span(moved).subspan(1)), bad * sizeof(float));
  }
}

}  // namespace
}  // namespace gantry::quant
