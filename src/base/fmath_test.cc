#include "base/fmath.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(Fmath, AgreesWithTheCLibrary) {
  for (double x = -700; x < 700; x += 0.37) EXPECT_NEAR(exp_f64(x) / std::exp(x), 1, 1e-15) << x;
  for (double x = 1e-300; x < 1e300; x *= 1.7) {
    EXPECT_NEAR(log_f64(x), std::log(x), 4e-16 * std::max(1.0, std::abs(std::log(x)))) << x;
  }
  for (double x = -1e6; x < 1e6; x += 773.13) {
    EXPECT_NEAR(sincos_f64(x).sin, std::sin(x), 1e-15) << x;
    EXPECT_NEAR(sincos_f64(x).cos, std::cos(x), 1e-15) << x;
  }
  for (double y = -2; y < 2; y += 0.01) EXPECT_NEAR(pow_f64(1e6, y) / std::pow(1e6, y), 1, 1e-14);
}

TEST(Fmath, Edges) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(exp_f64(-kInf), 0);
  EXPECT_EQ(exp_f64(kInf), kInf);
  EXPECT_EQ(exp_f64(0), 1);
  EXPECT_EQ(log_f64(1), 0);
  EXPECT_EQ(log_f64(0), -kInf);
  EXPECT_TRUE(std::isnan(log_f64(-1)));
  EXPECT_TRUE(std::isnan(exp_f64(std::nan(""))));
}

}  // namespace
}  // namespace gantry
