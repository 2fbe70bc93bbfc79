#include "bench/samples.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gantry::bench {
namespace {

// As the definition says it.
double exact(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  return values[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

TEST(Samples, PercentilesAreThoseOfTheValues) {
  for (const double spread : {0.1, 1.0, 3.0}) {
    std::vector<double> values;
    Samples samples;
    for (uint64_t i = 0; i < 20000; ++i) {
      values.push_back(0.02 * std::exp(spread * (uniform_at(7, i) + uniform_at(7, i, 1) - 1)));
      samples.add(values.back());
    }
    double sum = 0;
    for (const double value : values) sum += value;
    EXPECT_NEAR(samples.mean(), sum / 20000, 1e-9);
    EXPECT_EQ(samples.most(), exact(values, 1));
    EXPECT_EQ(samples.quantile(1), exact(values, 1));
    for (const double share : {0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999})
      EXPECT_NEAR(samples.quantile(share), exact(values, share), 0.003 * exact(values, share)) << share;
  }
}

TEST(Samples, FewAndNone) {
  Samples samples;
  EXPECT_EQ(samples.count(), 0u);
  EXPECT_EQ(samples.mean(), 0);
  EXPECT_EQ(samples.quantile(0.5), 0);
  samples.add(0.25);
  for (const double share : {0.0, 0.5, 1.0}) EXPECT_EQ(samples.quantile(share), 0.25);
  samples.add(0.75);
  EXPECT_NEAR(samples.quantile(0.5), 0.25, 0.001);
  EXPECT_EQ(samples.quantile(0.51), 0.75);
}

TEST(Samples, WhatIsBeyondTheBucketsStaysWithinTheValues) {
  Samples samples;
  for (const double value : {-1.0, std::nan(""), 0.0, 1e-9, 1e7, 2e7}) samples.add(value);
  EXPECT_EQ(samples.count(), 6u);
  EXPECT_EQ(samples.most(), 2e7);
  EXPECT_LE(samples.quantile(0.1), 2e-6);
  EXPECT_GE(samples.quantile(0.9), 1e4);
}

TEST(Samples, TwoHistogramsAreOne) {
  Samples all, even, odd;
  for (int i = 1; i <= 1000; ++i) {
    all.add(i * 1e-3);
    (i % 2 == 0 ? even : odd).add(i * 1e-3);
  }
  even.add(odd);
  EXPECT_EQ(even.count(), all.count());
  EXPECT_NEAR(even.mean(), all.mean(), 1e-12);
  for (const double share : {0.0, 0.3, 0.5, 0.99, 1.0}) EXPECT_EQ(even.quantile(share), all.quantile(share));
  even.add(Samples());
  EXPECT_EQ(even.count(), all.count());
}

}  // namespace
}  // namespace gantry::bench
