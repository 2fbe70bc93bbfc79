// Hyperbolic tangent and error function of the kernels: polynomials over the vectors of any instruction set.
// Coefficients: Chebyshev interpolation of the functions, rounded to float.
#pragma once

#include "backends/cpu/kernels/exp.h"
#include "backends/cpu/kernels/set.h"

namespace gantry::cpu::GANTRY_ISA {

GANTRY_INLINE F32 magnitude(F32 x) { return from_bits(and_i(bits(x), broadcast_i(0x7fffffff))); }
GANTRY_INLINE F32 with_sign_of(F32 x, F32 v) {
  const F32 zero = broadcast(0.0f);
  return select_less(x, zero, sub(zero, v), v);
}

// |x| < 0.6: x + x^3 P(x^2), error below 2e-8 of the value; else (1 - t) / (1 + t) with t = e^(-2 |x|). NaN
// stays.
GANTRY_INLINE F32 tanh(F32 x) {
  const F32 one = broadcast(1.0f), size = magnitude(x), square = mul(x, x);
  F32 sum = broadcast(-0.00627639191f);
  sum = fma(sum, square, broadcast(0.0211162176f));
  sum = fma(sum, square, broadcast(-0.0538751408f));
  sum = fma(sum, square, broadcast(0.133329242f));
  sum = fma(sum, square, broadcast(-0.333333313f));
  const F32 near = fma(mul(x, square), sum, x);
  const F32 t = exp(mul(size, broadcast(-2.0f)));
  const F32 far = with_sign_of(x, div(sub(one, t), add(one, t)));
  return select_less(size, broadcast(0.6f), near, far);
}

// |x| < 1: x P(x^2); else 1 - e^(-Q(|x|)) with Q(x) = -log(erfc(x)) up to 4, where erf is one. Error below
// 1e-7 of the value. NaN stays.
GANTRY_INLINE F32 erf(F32 x) {
  const F32 one = broadcast(1.0f), four = broadcast(4.0f), size = magnitude(x), square = mul(x, x);
  F32 sum = broadcast(-0.000565410592f);
  sum = fma(sum, square, broadcast(0.00492327753f));
  sum = fma(sum, square, broadcast(-0.026716385f));
  sum = fma(sum, square, broadcast(0.112803645f));
  sum = fma(sum, square, broadcast(-0.376123488f));
  sum = fma(sum, square, broadcast(1.12837911f));
  const F32 near = mul(x, sum);
  const F32 bounded = select_less(four, size, four, size);
  F32 log = broadcast(-1.6140616e-06f);
  log = fma(log, bounded, broadcast(4.55906229e-05f));
  log = fma(log, bounded, broadcast(-0.000592769531f));
  log = fma(log, bounded, broadcast(0.00474022236f));
  log = fma(log, bounded, broadcast(-0.0263647176f));
  log = fma(log, bounded, broadcast(0.109978244f));
  log = fma(log, bounded, broadcast(0.631937087f));
  log = fma(log, bounded, broadcast(1.13016665f));
  log = fma(log, bounded, broadcast(-0.000303212961f));
  const F32 far = with_sign_of(x, sub(one, exp(sub(broadcast(0.0f), log))));
  return select_less(size, one, near, far);
}

// cap * tanh(x / cap)
GANTRY_INLINE F32 capped(F32 x, float cap) {
  return mul(tanh(mul(x, broadcast(1.0f / cap))), broadcast(cap));
}

}  // namespace gantry::cpu::GANTRY_ISA
