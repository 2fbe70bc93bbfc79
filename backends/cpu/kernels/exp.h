// The exponential of the kernels: one polynomial over the vectors of any instruction set.
#pragma once

#include "backends/cpu/kernels/set.h"

namespace gantry::cpu::GANTRY_ISA {

// e^x: x = n ln 2 + r, |r| <= ln 2 / 2, a polynomial of degree 7 (Taylor, error below 1e-8 of the value),
// times 2^n. Below -87.3 the result is 0 (no subnormals), above 88.7 infinity, NaN stays.
GANTRY_INLINE F32 exp(F32 x) {
  const F32 low = broadcast(-87.33654f), high = broadcast(88.722839f);
  const F32 bounded = min(max(x, low), high);
  const F32 magic = broadcast(12582912.0f);
  const F32 shifted = fma(bounded, broadcast(1.44269504f), magic);
  const I32 n = sub_i(bits(shifted), bits(magic));
  const F32 whole = sub(shifted, magic);
  F32 r = fma(whole, broadcast(-0.693145752f), bounded);  // ln 2 in two parts; the first has 16 bits
  r = fma(whole, broadcast(-1.42860677e-6f), r);
  F32 sum = broadcast(1.98412698e-4f);
  sum = fma(sum, r, broadcast(1.38888889e-3f));
  sum = fma(sum, r, broadcast(8.33333333e-3f));
  sum = fma(sum, r, broadcast(4.16666667e-2f));
  sum = fma(sum, r, broadcast(1.66666667e-1f));
  sum = fma(sum, r, broadcast(0.5f));
  sum = fma(sum, r, broadcast(1.0f));
  sum = fma(sum, r, broadcast(1.0f));
  // 2^n in two factors, each a normal number: n reaches 128.
  const I32 half = shift_right<1>(n), bias = broadcast_i(127);
  const F32 factor1 = from_bits(shift_left<23>(add_i(half, bias)));
  const F32 factor2 = from_bits(shift_left<23>(add_i(sub_i(n, half), bias)));
  F32 out = mul(mul(sum, factor1), factor2);
  out = select_less(x, low, broadcast(0.0f), out);
  out = select_less(high, x, broadcast(__builtin_inff()), out);
  return select_nan(x, x, out);
}

}  // namespace gantry::cpu::GANTRY_ISA
