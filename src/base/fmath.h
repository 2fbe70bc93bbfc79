// The project's own elementary functions in double precision: the same operations in the same order
// everywhere, so that a result does not depend on the C library or the CPU (contract E2). Errors below 2
// units in the last place. The single-precision vector versions of the kernels live with the kernels.
#pragma once

namespace gantry {

double exp_f64(double x);               // overflow: +inf, underflow: 0, NaN stays
double log_f64(double x);               // x < 0: NaN, 0: -inf
double pow_f64(double base, double y);  // exp(y log base), base > 0
struct SinCos {
  double sin, cos;
};
SinCos sincos_f64(double x);  // |x| <= 1e9; beyond that the reduction loses digits

}  // namespace gantry
