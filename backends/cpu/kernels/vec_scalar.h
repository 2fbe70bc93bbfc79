// Sixteen lanes in plain C++: the definition that every instruction set must equal bit for bit (contract E3).
// Included inside the set's namespace. The same names with the same meaning stand in the other vec_*.h.
#pragma once

#include <cstdint>

#include "backends/cpu/kernels/half_scalar.h"

namespace gantry::cpu::GANTRY_ISA {

struct F32 {
  float lane[16];
};
struct I32 {
  int32_t lane[16];
};
struct U8 {
  uint8_t lane[64];
};

inline constexpr uint32_t kQueriesAtOnce = 4;  // of attention's inner loop
inline constexpr uint32_t kTokensAtOnce = 1;   // of dots()
inline constexpr uint32_t kFloatTokens = 4;    // of a float layer's inner loop
inline constexpr bool kReadCodes = false;      // of one token: unpacked as they are asked for, not before

template <typename Out, typename Function>
GANTRY_INLINE Out each(Function function) {
  Out out;
  for (uint32_t i = 0; i < 16; ++i) out.lane[i] = function(i);
  return out;
}
#define GANTRY_EACH(Type, expression) each<Type>([&](uint32_t i) { return expression; })

GANTRY_INLINE F32 broadcast(float v) { return GANTRY_EACH(F32, (static_cast<void>(i), v)); }
GANTRY_INLINE I32 broadcast_i(int32_t v) { return GANTRY_EACH(I32, (static_cast<void>(i), v)); }
// One number in memory to all lanes.
GANTRY_INLINE F32 broadcast_at(const uint8_t* p) {
  float v = 0;
  __builtin_memcpy(&v, p, sizeof(v));
  return broadcast(v);
}
GANTRY_INLINE I32 broadcast_i_at(const uint8_t* p) {
  int32_t v = 0;
  __builtin_memcpy(&v, p, sizeof(v));
  return broadcast_i(v);
}
GANTRY_INLINE F32 load(const float* p) { return GANTRY_EACH(F32, p[i]); }
// The first n values, then zeros; n <= 16.
GANTRY_INLINE F32 load_first(const float* p, uint32_t n) { return GANTRY_EACH(F32, i < n ? p[i] : 0.0f); }
GANTRY_INLINE F32 load_f16(const uint8_t* p) { return GANTRY_EACH(F32, half_to_float(p + 2 * i)); }
GANTRY_INLINE F32 load_bf16(const uint8_t* p) { return GANTRY_EACH(F32, bfloat_to_float(p + 2 * i)); }
GANTRY_INLINE F32 load_f32(const uint8_t* p) {
  F32 out;
  __builtin_memcpy(&out, p, sizeof(out));
  return out;
}
GANTRY_INLINE I32 load_i8(const uint8_t* p) {
  return GANTRY_EACH(I32, static_cast<int32_t>(static_cast<int8_t>(p[i])));
}
GANTRY_INLINE I32 load_u8(const uint8_t* p) { return GANTRY_EACH(I32, static_cast<int32_t>(p[i])); }
GANTRY_INLINE void store(float* p, F32 v) { __builtin_memcpy(p, &v, sizeof(v)); }
GANTRY_INLINE void store_first(float* p, F32 v, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) p[i] = v.lane[i];
}
// Sixteen numbers of -127..127 as bytes.
GANTRY_INLINE void store_i8(uint8_t* p, I32 v) {
  for (uint32_t i = 0; i < 16; ++i) p[i] = static_cast<uint8_t>(v.lane[i]);
}

GANTRY_INLINE F32 add(F32 a, F32 b) { return GANTRY_EACH(F32, a.lane[i] + b.lane[i]); }
GANTRY_INLINE F32 sub(F32 a, F32 b) { return GANTRY_EACH(F32, a.lane[i] - b.lane[i]); }
GANTRY_INLINE F32 mul(F32 a, F32 b) { return GANTRY_EACH(F32, a.lane[i] * b.lane[i]); }
GANTRY_INLINE F32 div(F32 a, F32 b) { return GANTRY_EACH(F32, a.lane[i] / b.lane[i]); }
GANTRY_INLINE F32 fma(F32 a, F32 b, F32 c) {
  return GANTRY_EACH(F32, __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]));
}
// a > b ? a : b: what is not ordered gives b.
GANTRY_INLINE F32 max(F32 a, F32 b) {
  return GANTRY_EACH(F32, a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]);
}
GANTRY_INLINE F32 min(F32 a, F32 b) {
  return GANTRY_EACH(F32, a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]);
}
// a < b ? x : y
GANTRY_INLINE F32 select_less(F32 a, F32 b, F32 x, F32 y) {
  return GANTRY_EACH(F32, a.lane[i] < b.lane[i] ? x.lane[i] : y.lane[i]);
}
GANTRY_INLINE F32 select_nan(F32 a, F32 x, F32 y) {
  return GANTRY_EACH(F32, a.lane[i] != a.lane[i] ? x.lane[i] : y.lane[i]);
}
// Lanes below n of v, the others of `other`; any n.
GANTRY_INLINE F32 keep_first(F32 v, uint32_t n, F32 other) {
  return GANTRY_EACH(F32, i < n ? v.lane[i] : other.lane[i]);
}

GANTRY_INLINE F32 to_float(I32 v) { return GANTRY_EACH(F32, static_cast<float>(v.lane[i])); }
GANTRY_INLINE I32 bits(F32 v) { return __builtin_bit_cast(I32, v); }
GANTRY_INLINE F32 from_bits(I32 v) { return __builtin_bit_cast(F32, v); }
GANTRY_INLINE I32 add_i(I32 a, I32 b) { return GANTRY_EACH(I32, a.lane[i] + b.lane[i]); }
GANTRY_INLINE I32 sub_i(I32 a, I32 b) { return GANTRY_EACH(I32, a.lane[i] - b.lane[i]); }
GANTRY_INLINE I32 mul_i(I32 a, I32 b) { return GANTRY_EACH(I32, a.lane[i] * b.lane[i]); }
GANTRY_INLINE I32 and_i(I32 a, I32 b) { return GANTRY_EACH(I32, a.lane[i] & b.lane[i]); }
GANTRY_INLINE I32 max_i(I32 a, I32 b) {
  return GANTRY_EACH(I32, a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]);
}
template <int N>
GANTRY_INLINE I32 shift_left(I32 v) {
  return GANTRY_EACH(I32, static_cast<int32_t>(static_cast<uint32_t>(v.lane[i]) << N));
}
template <int N>
GANTRY_INLINE I32 shift_right(I32 v) {  // arithmetic
  return GANTRY_EACH(I32, v.lane[i] >> N);
}

// The halving trees: lane i with lane i + 8, then + 4, + 2, + 1.
GANTRY_INLINE float reduce_add(F32 v) {
  for (uint32_t half = 8; half > 0; half /= 2) {
    for (uint32_t i = 0; i < half; ++i) v.lane[i] = v.lane[i] + v.lane[i + half];
  }
  return v.lane[0];
}
GANTRY_INLINE float reduce_max(F32 v) {
  for (uint32_t half = 8; half > 0; half /= 2) {
    for (uint32_t i = 0; i < half; ++i)
      v.lane[i] = v.lane[i] > v.lane[i + half] ? v.lane[i] : v.lane[i + half];
  }
  return v.lane[0];
}
GANTRY_INLINE int32_t reduce_add_i(I32 v) {
  int32_t sum = 0;
  for (uint32_t i = 0; i < 16; ++i) sum += v.lane[i];
  return sum;
}
GANTRY_INLINE int32_t reduce_max_i(I32 v) {
  int32_t most = v.lane[0];
  for (uint32_t i = 1; i < 16; ++i) most = v.lane[i] > most ? v.lane[i] : most;
  return most;
}

GANTRY_INLINE U8 load_line(const uint8_t* p) {
  U8 out;
  __builtin_memcpy(&out, p, sizeof(out));
  return out;
}
GANTRY_INLINE void store_line(uint8_t* p, U8 v) { __builtin_memcpy(p, &v, sizeof(v)); }
// (v >> Shift) & Mask in each byte (a negative shift goes left).
template <int Shift, uint8_t Mask>
GANTRY_INLINE U8 pick(U8 v) {
  U8 out;
  for (uint32_t i = 0; i < 64; ++i)
    out.lane[i] = static_cast<uint8_t>(
        (Shift < 0 ? v.lane[i] << (Shift < 0 ? -Shift : 0) : v.lane[i] >> (Shift < 0 ? 0 : Shift)) & Mask);
  return out;
}
GANTRY_INLINE U8 either(U8 a, U8 b) {
  U8 out;
  for (uint32_t i = 0; i < 64; ++i) out.lane[i] = a.lane[i] | b.lane[i];
  return out;
}
// table[v], for bytes below 16.
GANTRY_INLINE U8 look_up(const uint8_t* table, U8 v) {
  U8 out;
  for (uint32_t i = 0; i < 64; ++i) out.lane[i] = table[v.lane[i]];
  return out;
}

// Of N tokens, whose bytes lie kBlock apart: sums[n] += the sum over groups [First, First + Groups) of the
// codes' unsigned bytes w times x's signed ones: lane r takes bytes 4r..4r+3 of group First + g and
// x[4g..4g+3]. No byte of w is above CodeMax.
template <uint32_t CodeMax, uint32_t First, uint32_t Groups, uint32_t N, typename Codes>
GANTRY_INLINE void dots(const Codes& codes, const uint8_t* x, I32* sums) {
  for (uint32_t n = 0; n < N; ++n, x += kBlock) {
    for (uint32_t g = 0; g < Groups; ++g) {
      const U8& w = codes.group(Counter{First + g});
      for (uint32_t r = 0; r < 16; ++r) {
        for (uint32_t j = 0; j < 4; ++j)
          sums[n].lane[r] += int32_t{w.lane[4 * r + j]} * static_cast<int8_t>(x[4 * g + j]);
      }
    }
  }
}

}  // namespace gantry::cpu::GANTRY_ISA
