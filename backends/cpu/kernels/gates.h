// Smooth gates of the kernels, over exp.h: sigmoid and softplus.
#pragma once

namespace gantry::cpu::GANTRY_ISA {

// 1 / (1 + e^-x)
GANTRY_INLINE F32 sigmoid(F32 x) {
  const F32 one = broadcast(1.0f);
  return div(one, add(one, exp(sub(broadcast(0.0f), x))));
}

// ln(1 + e^x) = max(x, 0) + ln(1 + t), t = e^-|x|, and ln(1 + t) = 2 artanh(s), s = t / (2 + t) <= 1/3: the
// odd powers up to s^15 leave an error below 2e-9 of the value.
GANTRY_INLINE F32 softplus(F32 x) {
  const F32 zero = broadcast(0.0f);
  const F32 t = exp(min(x, sub(zero, x)));
  const F32 s = div(t, add(broadcast(2.0f), t));
  const F32 square = mul(s, s);
  F32 sum = broadcast(1.33333333e-1f);
  sum = fma(sum, square, broadcast(1.53846154e-1f));
  sum = fma(sum, square, broadcast(1.81818182e-1f));
  sum = fma(sum, square, broadcast(2.22222222e-1f));
  sum = fma(sum, square, broadcast(2.85714286e-1f));
  sum = fma(sum, square, broadcast(0.4f));
  sum = fma(sum, square, broadcast(6.66666667e-1f));
  sum = fma(sum, square, broadcast(2.0f));
  const F32 out = add(max(x, zero), mul(sum, s));
  return select_nan(x, x, out);
}

}  // namespace gantry::cpu::GANTRY_ISA
