#include "base/fmath.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

namespace gantry {
namespace {

constexpr double kLn2High = 0x1.62e42fefa3800p-1;  // ln 2 with 11 trailing zero bits: n * kLn2High is exact
constexpr double kLn2Low = 0x1.ef35793c76730p-45;
constexpr double kLog2E = 0x1.71547652b82fep+0;

// pi/2 in three parts of 33 bits (Cody and Waite, "Software manual for the elementary functions", 1980).
constexpr double kHalfPi1 = 0x1.921fb54400000p+0;
constexpr double kHalfPi2 = 0x1.0b4611a600000p-34;
constexpr double kHalfPi3 = 0x1.3198a2e037073p-69;
constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;

template <size_t N>
constexpr std::array<double, N> inverse_factorials() {
  std::array<double, N> out{};
  double factorial = 1;
  for (size_t i = 0; i < N; ++i) {
    if (i > 1) factorial *= static_cast<double>(i);
    out[i] = 1 / factorial;
  }
  return out;
}
constexpr auto kInvFactorial = inverse_factorials<20>();

// Taylor series of sin and cos on |r| <= pi/4, by Horner in r^2.
double sin_series(double r) {
  const double r2 = r * r;
  double sum = 0;
  for (int i = 17; i >= 3; i -= 2) {
    const double term =
        (i & 2) ? -kInvFactorial[static_cast<size_t>(i)] : kInvFactorial[static_cast<size_t>(i)];
    sum = std::fma(sum, r2, term);
  }
  return std::fma(sum * r2, r, r);
}

double cos_series(double r) {
  const double r2 = r * r;
  double sum = 0;
  for (int i = 18; i >= 2; i -= 2) {
    const double term =
        (i & 2) ? -kInvFactorial[static_cast<size_t>(i)] : kInvFactorial[static_cast<size_t>(i)];
    sum = std::fma(sum, r2, term);
  }
  return std::fma(sum, r2, 1.0);
}

}  // namespace

double exp_f64(double x) {
  if (std::isnan(x)) return x;
  if (x > 709.78) return std::numeric_limits<double>::infinity();
  if (x < -745.2) return 0;
  const double n = std::nearbyint(x * kLog2E);
  const double r = std::fma(-n, kLn2Low, std::fma(-n, kLn2High, x));
  double sum = kInvFactorial[13];
  for (size_t i = 13; i-- > 0;) sum = std::fma(sum, r, kInvFactorial[i]);
  return std::ldexp(sum, static_cast<int>(n));
}

double log_f64(double x) {
  if (std::isnan(x) || x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -std::numeric_limits<double>::infinity();
  if (std::isinf(x)) return x;
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0x1.6a09e667f3bcdp-1) {  // below sqrt(1/2)
    m *= 2;
    --exponent;
  }
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.172.
  const double s = (m - 1) / (m + 1);
  const double s2 = s * s;
  double sum = 0;
  for (int i = 23; i >= 3; i -= 2) sum = std::fma(sum, s2, 1.0 / i);
  const double n = exponent;
  return std::fma(n, kLn2High, std::fma(2 * s, sum * s2, std::fma(n, kLn2Low, 2 * s)));
}

double pow_f64(double base, double y) { return y == 0 ? 1 : exp_f64(y * log_f64(base)); }

SinCos sincos_f64(double x) {
  const double n = std::nearbyint(x * kTwoOverPi);
  const double r = std::fma(-n, kHalfPi3, std::fma(-n, kHalfPi2, std::fma(-n, kHalfPi1, x)));
  const double s = sin_series(r), c = cos_series(r);
  switch (static_cast<int64_t>(n) & 3) {
    case 0:
      return {s, c};
    case 1:
      return {c, -s};
    case 2:
      return {-s, -c};
    default:
      return {-c, s};
  }
}

}  // namespace gantry
