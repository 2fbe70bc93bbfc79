// Formats with few scales or few levels: the encoder's error is held against every scale that there is.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "quant/blocks.h"
#include "quant/dtype.h"
#include "quant/half.h"

namespace gantry::quant {
namespace {

using Levels = std::vector<float>;

std::vector<float> halves() {
  std::vector<float> out;
  for (uint32_t bits = 0; bits < 0x10000; ++bits)
    if ((bits & 0x7c00u) != 0x7c00u) out.push_back(f16_to_f32(static_cast<uint16_t>(bits)));
  return out;
}

double error_at(std::span<const float> x, float scale, const Levels& levels) {
  double error = 0;
  for (const float value : x) {
    double least = std::numeric_limits<double>::infinity();
    for (const float level : levels) {
      const double away = static_cast<double>(value) - static_cast<double>(scale * level);
      least = std::min(least, away * away);
    }
    error += least;
  }
  return error;
}

double least_error(std::span<const float> x, std::span<const float> scales, const Levels& levels) {
  float peak = 0;
  for (const float value : x) peak = std::max(peak, std::abs(value));
  const float largest = std::abs(*std::max_element(levels.begin(), levels.end()));
  double least = error_at(x, 0, levels);
  for (const float scale : scales) {  // others clip the peak to nothing or reach far beyond it
    const float reach = std::abs(scale) * largest;
    if (reach > peak / 40 && reach < 130 * peak) least = std::min(least, error_at(x, scale, levels));
  }
  return least;
}

double encoded_error(Dtype dtype, std::span<const float> x) {
  std::vector<std::byte> bytes(row_bytes(dtype, x.size()));
  std::vector<float> back(x.size());
  encode_row(dtype, x, bytes);
  decode_row(dtype, bytes, back);
  double error = 0;
  for (size_t i = 0; i < x.size(); ++i)
    error += std::pow(static_cast<double>(x[i]) - static_cast<double>(back[i]), 2);
  return error;
}

// Blocks of many kinds: smooth, with an outlier, one-sided, constant, sparse, alternating, two sizes.
std::vector<std::vector<float>> samples(size_t count, float size) {
  uint64_t state = 11;
  const auto random = [&state] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(state >> 40) * 0x1p-24f - 0.5f;
  };
  std::vector<std::vector<float>> out;
  const auto add = [&](const std::function<float(size_t)>& value) {
    std::vector<float>& block = out.emplace_back(count);
    for (size_t i = 0; i < count; ++i) block[i] = size * value(i);
  };
  for (int k = 0; k < 4; ++k) add([&](size_t) { return random() + random() + random(); });
  add([&](size_t i) { return i == 5 ? 20.0f : random(); });
  add([&](size_t i) { return i == 5 ? -20.0f : random(); });
  add([&](size_t) { return std::abs(random()); });
  add([&](size_t) { return -0.7f - std::abs(random()); });
  add([&](size_t) { return 0.37f; });
  add([&](size_t) { return -0.37f; });
  add([&](size_t i) { return i % 7 == 3 ? random() : 0.0f; });
  add([&](size_t i) { return i % 2 == 0 ? 0.9f : -0.9f; });
  add([&](size_t i) { return i % 8 < 6 ? random() * 0.1f : random() * 3; });
  return out;
}

Levels to_floats(const int8_t* levels) { return Levels(levels, levels + 16); }

double power(std::span<const float> x) {
  double sum = 0;
  for (const float value : x) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

// `slack`: how much more error the encoder may leave, as a factor.
void expect_best(Dtype dtype, std::span<const float> scales, const Levels& levels, size_t count,
                 double slack = 1) {
  for (const float size : {1.0f, 0.03f, 50.0f}) {
    const auto blocks = samples(count, size);
    for (size_t k = 0; k < blocks.size(); ++k)
      EXPECT_LE(encoded_error(dtype, blocks[k]),
                slack * least_error(blocks[k], scales, levels) + 1e-6 * power(blocks[k]))
          << facts(dtype).name << " size " << size << " sample " << k;
  }
}

TEST(Scales, TernaryIsTheBestThereIs) {
  expect_best(Dtype::kTQ1_0, halves(), {-1, 0, 1}, 256);
  expect_best(Dtype::kTQ2_0, halves(), {-1, 0, 1}, 256);
}

TEST(Scales, OneAndTwoBitsAreTheBestThereIs) {
  expect_best(Dtype::kQ1_0, halves(), {-1, 1}, 128);
  expect_best(Dtype::kQ2_0, halves(), {-1, 0, 1, 2}, 64);
}

TEST(Scales, Fp4IsTheBestThereIs) {
  std::vector<float> powers, eighths;
  for (int e = 0; e <= kMxfp4MaxExponent; ++e) powers.push_back(mxfp4_scale(static_cast<uint8_t>(e)));
  for (int code = 0; code < 0x7f; ++code) eighths.push_back(nvfp4_scale(static_cast<uint8_t>(code)));
  expect_best(Dtype::kMXFP4, powers, to_floats(kFp4Levels), 32);
  for (const float size : {1.0f, 0.03f, 50.0f}) {
    for (const auto& block : samples(64, size)) {
      double best = 0;
      for (size_t s = 0; s < 64; s += 16)
        best += least_error(std::span(block).subspan(s, 16), eighths, to_floats(kFp4Levels));
      EXPECT_LE(encoded_error(Dtype::kNVFP4, block), best * (1 + 1e-5)) << size;
    }
  }
}

TEST(Scales, UnevenLevelsAreNearTheBest) {
  expect_best(Dtype::kIQ4_NL, halves(), to_floats(kIq4Levels), 32, 1.03);
  // A scale of six bits under a common one can do little worse than a scale of its own for each 32.
  for (const float size : {1.0f, 0.03f, 50.0f}) {
    const auto blocks = samples(256, size);
    for (size_t k = 0; k < 4; ++k)
      EXPECT_LE(encoded_error(Dtype::kIQ4_XS, blocks[k]), 1.1 * encoded_error(Dtype::kIQ4_NL, blocks[k]));
  }
}

TEST(Scales, Mxfp4HoldsAnyMagnitude) {
  for (const float size : {1e-38f, 1e-30f, 1e-10f, 1e10f, 1e30f, 1e37f}) {
    std::vector<float> block = samples(32, 1)[0];
    const double at_one = encoded_error(Dtype::kMXFP4, block), power_at_one = power(block);
    for (float& value : block) value *= size;
    // The power of two nearest to the size may suit a little less: twice the error is bound enough.
    const double error =
        encoded_error(Dtype::kMXFP4, block) / static_cast<double>(size) / static_cast<double>(size);
    EXPECT_LE(error, std::max(4 * at_one, 0.03 * power_at_one)) << size;
  }
  std::vector<float> tiniest(32, 1e-45f);
  EXPECT_LE(encoded_error(Dtype::kMXFP4, tiniest), 32 * 1e-80);
}

TEST(Scales, TheLargestValueSurvives) {
  for (const DtypeFacts& row : dtype_table()) {
    if (!row.is_coded || row.block_values == 1) continue;
    const float largest = largest_in_block(row.dtype);
    std::vector<float> values(row.block_values, largest), back(row.block_values);
    std::vector<std::byte> bytes(row.block_bytes);
    encode_row(row.dtype, values, bytes);
    decode_row(row.dtype, bytes, back);
    for (const float value : back) ASSERT_NEAR(value / largest, 1, 0.01) << row.name;
  }
}

TEST(Scales, AsTheFormatsSay) {
  EXPECT_EQ(mxfp4_scale(0), std::ldexp(1.0f, -128));
  EXPECT_EQ(mxfp4_scale(1), std::ldexp(1.0f, -127));
  EXPECT_EQ(mxfp4_scale(2), std::ldexp(1.0f, -126));
  EXPECT_EQ(mxfp4_scale(128), 1.0f);
  EXPECT_EQ(nvfp4_scale(0), 0.0f);
  EXPECT_EQ(nvfp4_scale(1), std::ldexp(1.0f, -10));
  EXPECT_EQ(nvfp4_scale(8), std::ldexp(1.0f, -7));
  EXPECT_EQ(nvfp4_scale(0x38), 0.5f);
  EXPECT_EQ(nvfp4_scale(0x7e), 224.0f);
  EXPECT_EQ(nvfp4_scale(0x7f), 0.0f);
  EXPECT_EQ(nvfp4_scale(0xff), 240.0f);
  for (int code = 1; code < 0x7f; ++code)
    EXPECT_GT(nvfp4_scale(static_cast<uint8_t>(code)), nvfp4_scale(static_cast<uint8_t>(code - 1)));
}

TEST(Scales, EveryTernaryByteComesApart) {
  // All 243 ways of five digits in the first byte of a row, the rest zero.
  for (int number = 0; number < 243; ++number) {
    std::vector<float> values(256, 0.0f), back(256);
    int rest = number;
    for (size_t n = 5; n-- > 0; rest /= 3) values[32 * n] = static_cast<float>(rest % 3 - 1);
    values[255] = 1;
    std::vector<std::byte> bytes(row_bytes(Dtype::kTQ1_0, 256));
    encode_row(Dtype::kTQ1_0, values, bytes);
    decode_row(Dtype::kTQ1_0, bytes, back);
    EXPECT_EQ(values, back) << number;
  }
}

}  // namespace
}  // namespace gantry::quant
