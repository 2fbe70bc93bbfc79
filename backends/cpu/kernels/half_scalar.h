// binary16 and bfloat16 to float without the functions of quant/half.h, which may not be compiled here
// (layout.h says why). Same values.
#pragma once

#include <cstdint>

namespace gantry::cpu::GANTRY_ISA {

GANTRY_INLINE uint32_t half_bits(const uint8_t* p) {
  uint16_t bits = 0;
  __builtin_memcpy(&bits, p, sizeof(bits));
  return bits;
}

GANTRY_INLINE float half_to_float(const uint8_t* p) {
  const uint32_t h = half_bits(p);
  const uint32_t sign = (h & 0x8000u) << 16u, exponent = (h >> 10u) & 31u, mantissa = h & 0x3ffu;
  if (exponent == 31u)
    return __builtin_bit_cast(float,
                              sign | 0x7f800000u | (mantissa << 13u) | (mantissa != 0 ? 0x400000u : 0u));
  if (exponent != 0) return __builtin_bit_cast(float, sign | ((exponent + 112u) << 23u) | (mantissa << 13u));
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return __builtin_bit_cast(float, sign | __builtin_bit_cast(uint32_t, magnitude));
}

GANTRY_INLINE float bfloat_to_float(const uint8_t* p) {
  return __builtin_bit_cast(float, half_bits(p) << 16u);
}

}  // namespace gantry::cpu::GANTRY_ISA
