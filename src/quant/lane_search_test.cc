// The search on even steps: the same bytes whatever the vectors, and errors that a plain search over
// scales cannot beat by much.
#include "quant/lane_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "quant/dtype.h"

namespace gantry::quant {
namespace {

constexpr Dtype kTypes[] = {Dtype::kQ4_0, Dtype::kQ4_1, Dtype::kQ5_0, Dtype::kQ5_1, Dtype::kQ8_0,
                            Dtype::kQ2_K, Dtype::kQ3_K, Dtype::kQ4_K, Dtype::kQ5_K, Dtype::kQ6_K};

// Super-blocks of many kinds: smooth, shifted, with outliers, zeros, constants, small and large.
std::vector<float> many_kinds() {
  uint64_t state = 3;
  const auto random = [&state] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(state >> 40) * 0x1p-24f - 0.5f;
  };
  std::vector<float> out;
  for (size_t block = 0; block < 48; ++block) {
    const float size = block % 5 == 0 ? 2e-3f : block % 5 == 1 ? 10000.0f : 0.05f;
    for (size_t i = 0; i < kSuperBlockValues; ++i) {
      float value = random() + random() + random();
      if (block % 7 == 1) value = std::abs(value);
      if (block % 7 == 2) value -= 2.0f;
      if (block % 7 == 3 && i % 16 != 3) value = 0;
      if (block % 7 == 4 && i / 32 % 2 == 0) value = 0.25f;
      if (block % 7 == 5 && i % 50 == 0) value *= 2;
      if (block % 7 == 6 && i / 16 == 4) value = 0;
      out.push_back(value * size);
    }
  }
  return out;
}

TEST(LaneSearch, TheBytesDoNotKnowTheVectors) {
  const std::vector<float> values = many_kinds();
  for (const Dtype dtype : kTypes) {
    std::vector<std::byte> wide(row_bytes(dtype, values.size())), narrow(wide.size());
    EXPECT_FALSE(search_with_widest_vectors(false));
    encode_row(dtype, values, narrow);
    search_with_widest_vectors(true);
    encode_row(dtype, values, wide);
    EXPECT_EQ(wide, narrow) << facts(dtype).name;
  }
}

double error_of(std::span<const float> x, const std::vector<float>& y) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += std::pow(static_cast<double>(x[i]) - static_cast<double>(y[i]), 2);
  return sum;
}

// What is found decodes with no more error than each value's nearest grid point under scales that are tried
// one by one.
TEST(LaneSearch, NoCommonScaleIsBetter) {
  const std::vector<float> values = many_kinds();
  for (const auto& [dtype, low, high] : {std::tuple{Dtype::kQ3_K, -4, 3}, {Dtype::kQ6_K, -32, 31}}) {
    for (size_t at = 0; at < values.size(); at += kSuperBlockValues) {
      const auto x = std::span(values).subspan(at, kSuperBlockValues);
      std::vector<std::byte> bytes(row_bytes(dtype, x.size()));
      std::vector<float> back(x.size());
      encode_row(dtype, x, bytes);
      decode_row(dtype, bytes, back);
      float peak = 0;
      for (const float value : x) peak = std::max(peak, std::abs(value));
      double least = std::numeric_limits<double>::infinity();
      for (int k = 0; k < 200; ++k) {
        const double scale =
            static_cast<double>(peak) / (high + 1) * (0.4 + 0.004 * k) * (k % 2 == 0 ? 1 : -1);
        double error = 0;
        for (const float value : x) {
          const double step =
              std::clamp<double>(std::nearbyint(static_cast<double>(value) / scale), low, high);
          error += std::pow(static_cast<double>(value) - scale * step, 2);
        }
        least = std::min(least, error);
      }
      EXPECT_LE(error_of(x, back),
                1.02 * least + 1e-6 * static_cast<double>(peak) * static_cast<double>(peak))
          << facts(dtype).name << " block " << at / kSuperBlockValues;
    }
  }
}

}  // namespace
}  // namespace gantry::quant
