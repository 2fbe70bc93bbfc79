#include "sample/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "base/fmath.h"
#include "base/rng.h"
#include "sample/candidates.h"

namespace gantry::sample {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> random_logits(size_t count, uint64_t seed) {
  std::vector<float> logits(count);
  for (size_t i = 0; i < count; ++i) logits[i] = static_cast<float>(uniform_at(seed, i) * 60 - 40);
  return logits;
}

TEST(Softmax, WeightsAreExponentials) {
  const auto logits = random_logits(1000, 1);
  for (const double scale : {0.5, 1.0, 20.0, 1e6}) {
    std::vector<double> weights(logits.size());
    weigh(logits, 20, scale, weights);
    for (size_t i = 0; i < logits.size(); ++i) {
      const double y = (double{logits[i]} - 20) * scale;
      const double expected = y < -700 ? 0 : exp_f64(y);
      EXPECT_NEAR(weights[i], expected, expected * 1e-12) << y;
    }
  }
}

TEST(Softmax, TheLargestWeighsOneAndMinusInfinityNothing) {
  const std::vector<float> logits = {3.5f, -kInf, -1e38f, 3.5f};
  std::vector<double> weights(4);
  weigh(logits, 3.5f, 1e6, weights);
  EXPECT_EQ(weights, (std::vector<double>{1, 0, 0, 1}));
}

TEST(Softmax, ScanCleansAndFindsTheLargest) {
  for (const size_t count : {1u, 5u, 63u, 64u, 65u, 200u}) {
    for (size_t at = 0; at < count; ++at) {
      std::vector<float> logits(count, -2);
      logits[at] = 7;
      if (at > 0) logits[at - 1] = kNan;
      if (at > 1) logits[at - 2] = -0.0f;
      std::vector<float> block_max(blocks_of(count));
      EXPECT_EQ(scan(logits, block_max), 7);
      EXPECT_EQ(block_max[at / kBlock], 7);
      EXPECT_TRUE(at < 1 || logits[at - 1] == -kInf);
      EXPECT_TRUE(at < 2 || !std::signbit(logits[at - 2]));
    }
  }
  std::vector<float> bad = {kNan, -kInf, kNan};
  std::vector<float> block_max(1);
  EXPECT_EQ(scan(bad, block_max), -kInf);
  std::vector<float> huge = {kInf, 1};
  EXPECT_EQ(scan(huge, block_max), std::numeric_limits<float>::max());
}

TEST(Softmax, SumsAreTheWeightsInAFixedOrder) {
  for (const size_t count : {1u, 64u, 100u, 1000u}) {
    const auto logits = random_logits(count, count);
    std::vector<double> weights(count), sums(blocks_of(count));
    weigh(logits, 20, 1, weights);
    const double total = sum_weights(logits, 20, 1, sums);
    double expected = 0;
    for (size_t b = 0; b < sums.size(); ++b) {
      double partial[8] = {};
      for (size_t i = b * kBlock; i < std::min(count, (b + 1) * kBlock); ++i) partial[i % 8] += weights[i];
      expected += ((partial[0] + partial[1]) + (partial[2] + partial[3])) +
                  ((partial[4] + partial[5]) + (partial[6] + partial[7]));
    }
    EXPECT_EQ(total, expected) << count;
  }
}

TEST(Softmax, WideVectorsGiveTheSameBits) {
  if (!use_widest_vectors(true)) GTEST_SKIP() << "this CPU has no wider vectors than the baseline";
  for (const size_t count : {1u, 63u, 64u, 777u, 5000u}) {
    auto wide = random_logits(count, count + 1);
    wide[count / 2] = kNan;
    auto narrow = wide;
    std::vector<float> wide_max(blocks_of(count)), narrow_max(blocks_of(count));
    std::vector<double> wide_sums(blocks_of(count)), narrow_sums(blocks_of(count)), wide_weights(count),
        narrow_weights(count);
    use_widest_vectors(true);
    const float max = scan(wide, wide_max);
    sum_weights(wide, max, 0.7, wide_sums);
    weigh(wide, max, 0.7, wide_weights);
    use_widest_vectors(false);
    EXPECT_EQ(scan(narrow, narrow_max), max);
    sum_weights(narrow, max, 0.7, narrow_sums);
    weigh(narrow, max, 0.7, narrow_weights);
    use_widest_vectors(true);
    EXPECT_EQ(wide, narrow);
    EXPECT_EQ(wide_max, narrow_max);
    EXPECT_EQ(wide_sums, narrow_sums);
    EXPECT_EQ(wide_weights, narrow_weights);
  }
}

TEST(Candidates, KeysSortByFallingLogitThenRisingToken) {
  const float logits[] = {std::numeric_limits<float>::max(), 3, 1e-40f, 0, -1e-40f, -3, -kInf};
  uint64_t last = 0;
  for (const float logit : logits)
    for (const size_t token : {size_t{0}, size_t{7}, size_t{300000}}) {
      const uint64_t key = candidate_key(logit, token);
      EXPECT_LT(last, key);
      EXPECT_EQ(candidate_logit(key), logit);
      EXPECT_EQ(candidate_token(key), static_cast<TokenId>(token));
      last = key;
    }
}

}  // namespace
}  // namespace gantry::sample
