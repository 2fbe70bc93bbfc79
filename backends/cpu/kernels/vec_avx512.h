// Sixteen lanes in one register of AVX-512 (F, BW, VL, DQ; VNNI where GANTRY_VNNI is set). Same names and
// meaning as vec_scalar.h, which is the definition.
#pragma once

#include <cstdint>

#include <immintrin.h>

namespace gantry::cpu::GANTRY_ISA {

struct F32 {
  __m512 v;
};
struct I32 {
  __m512i v;
};
struct U8 {
  __m512i v;
};

inline constexpr uint32_t kQueriesAtOnce = 8, kTokensAtOnce = 4, kFloatTokens = 16;
inline constexpr bool kReadCodes = false;

GANTRY_INLINE __mmask16 first_lanes(uint32_t n) {
  return static_cast<__mmask16>(n >= 16 ? 0xffffu : (1u << n) - 1u);
}

GANTRY_INLINE F32 broadcast(float v) { return {_mm512_set1_ps(v)}; }
GANTRY_INLINE I32 broadcast_i(int32_t v) { return {_mm512_set1_epi32(v)}; }
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
GANTRY_INLINE F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
GANTRY_INLINE F32 load_first(const float* p, uint32_t n) {
  return {_mm512_maskz_loadu_ps(first_lanes(n), p)};
}
GANTRY_INLINE F32 load_f16(const uint8_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
GANTRY_INLINE F32 load_bf16(const uint8_t* p) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
}
GANTRY_INLINE F32 load_f32(const uint8_t* p) { return {_mm512_loadu_ps(p)}; }
GANTRY_INLINE I32 load_i8(const uint8_t* p) {
  return {_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
GANTRY_INLINE I32 load_u8(const uint8_t* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
GANTRY_INLINE void store(float* p, F32 v) { _mm512_storeu_ps(p, v.v); }
GANTRY_INLINE void store_first(float* p, F32 v, uint32_t n) { _mm512_mask_storeu_ps(p, first_lanes(n), v.v); }
GANTRY_INLINE void store_i8(uint8_t* p, I32 v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v.v));
}

GANTRY_INLINE F32 add(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }
GANTRY_INLINE F32 sub(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
GANTRY_INLINE F32 mul(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
GANTRY_INLINE F32 div(F32 a, F32 b) { return {_mm512_div_ps(a.v, b.v)}; }
GANTRY_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
GANTRY_INLINE F32 max(F32 a, F32 b) { return {_mm512_max_ps(a.v, b.v)}; }
GANTRY_INLINE F32 min(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }
GANTRY_INLINE F32 select_less(F32 a, F32 b, F32 x, F32 y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v)};
}
GANTRY_INLINE F32 select_nan(F32 a, F32 x, F32 y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q), y.v, x.v)};
}
GANTRY_INLINE F32 keep_first(F32 v, uint32_t n, F32 other) {
  return {_mm512_mask_blend_ps(first_lanes(n), other.v, v.v)};
}

GANTRY_INLINE F32 to_float(I32 v) { return {_mm512_cvtepi32_ps(v.v)}; }
GANTRY_INLINE I32 bits(F32 v) { return {_mm512_castps_si512(v.v)}; }
GANTRY_INLINE F32 from_bits(I32 v) { return {_mm512_castsi512_ps(v.v)}; }
GANTRY_INLINE I32 add_i(I32 a, I32 b) { return {_mm512_add_epi32(a.v, b.v)}; }
GANTRY_INLINE I32 sub_i(I32 a, I32 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
GANTRY_INLINE I32 mul_i(I32 a, I32 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
GANTRY_INLINE I32 and_i(I32 a, I32 b) { return {_mm512_and_si512(a.v, b.v)}; }
GANTRY_INLINE I32 max_i(I32 a, I32 b) { return {_mm512_max_epi32(a.v, b.v)}; }
template <int N>
GANTRY_INLINE I32 shift_left(I32 v) {
  return {_mm512_slli_epi32(v.v, N)};
}
template <int N>
GANTRY_INLINE I32 shift_right(I32 v) {
  return {_mm512_srai_epi32(v.v, N)};
}

GANTRY_INLINE float reduce_add(F32 v) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v.v), _mm512_extractf32x8_ps(v.v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
GANTRY_INLINE float reduce_max(F32 v) {
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v.v), _mm512_extractf32x8_ps(v.v, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
GANTRY_INLINE int32_t reduce_add_i(I32 v) { return _mm512_reduce_add_epi32(v.v); }
GANTRY_INLINE int32_t reduce_max_i(I32 v) { return _mm512_reduce_max_epi32(v.v); }

GANTRY_INLINE U8 load_line(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }
GANTRY_INLINE void store_line(uint8_t* p, U8 v) { _mm512_storeu_si512(p, v.v); }
// Shifts work on pairs of bytes; Mask leaves none of the neighbour's bits.
template <int Shift, uint8_t Mask>
GANTRY_INLINE U8 pick(U8 v) {
  static_assert(Shift >= 0 ? (Mask << Shift) < 256 : (Mask & ((1 << -Shift) - 1)) == 0);
  __m512i at = v.v;
  if constexpr (Shift > 0) at = _mm512_srli_epi16(at, Shift);
  if constexpr (Shift < 0) at = _mm512_slli_epi16(at, -Shift);
  return {_mm512_and_si512(at, _mm512_set1_epi8(static_cast<char>(Mask)))};
}
GANTRY_INLINE U8 either(U8 a, U8 b) { return {_mm512_or_si512(a.v, b.v)}; }

GANTRY_INLINE U8 look_up(const uint8_t* table, U8 v) {
  const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return {_mm512_shuffle_epi8(_mm512_broadcast_i32x4(entries), v.v)};
}

GANTRY_INLINE __m512i four_bytes(const uint8_t* p) { return broadcast_i_at(p).v; }

#ifdef GANTRY_VNNI

template <uint32_t CodeMax, uint32_t First, uint32_t Groups, uint32_t N, typename Codes>
GANTRY_INLINE void dots(const Codes& codes, const uint8_t* x, I32* sums) {
  unrolled<Groups>(GANTRY_LAMBDA(g) {
    const U8 w = codes.group(Index<First + g.value>{});
    unrolled<N>(GANTRY_LAMBDA(n) {
      __m512i& sum = sums[n.value].v;
      sum = _mm512_dpbusd_epi32(sum, w.v, four_bytes(x + kBlock * n.value + 4 * g.value));
    });
  });
}

#else

// Pairs of products are summed in 16 bits as long as they cannot overflow. Codes of all eight bits go as
// signed numbers 128 lower, which what stands in `sums` (-128 times the sum of x) would have taken off
// afterwards.
template <uint32_t CodeMax, uint32_t First, uint32_t Groups, uint32_t N, typename Codes>
GANTRY_INLINE void dots(const Codes& codes, const uint8_t* x, I32* sums) {
  const __m512i ones = _mm512_set1_epi16(1), zero = _mm512_setzero_si512();
  if constexpr (CodeMax == 255) {
    unrolled<N>(GANTRY_LAMBDA(n) { sums[n.value].v = zero; });
    unrolled<Groups>(GANTRY_LAMBDA(g) {
      const U8 w = codes.group(Index<First + g.value>{});
      const __m512i code = _mm512_xor_si512(w.v, _mm512_set1_epi8(static_cast<char>(0x80)));
      const __m512i size = _mm512_abs_epi8(code);
      const __mmask64 negative = _mm512_movepi8_mask(code);
      unrolled<N>(GANTRY_LAMBDA(n) {
        const __m512i value = four_bytes(x + kBlock * n.value + 4 * g.value);
        const __m512i pairs = _mm512_maddubs_epi16(size, _mm512_mask_sub_epi8(value, negative, zero, value));
        __m512i& sum = sums[n.value].v;
        sum = _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, ones));
      });
    });
  } else {
    constexpr uint32_t kFit = 32767 / (2 * 127 * CodeMax);
    constexpr uint32_t kTogether = kFit < Groups ? (kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1) : Groups;
    __m512i pairs[N];
    unrolled<Groups>(GANTRY_LAMBDA(g) {
      const U8 w = codes.group(Index<First + g.value>{});
      unrolled<N>(GANTRY_LAMBDA(n) {
        const __m512i more = _mm512_maddubs_epi16(w.v, four_bytes(x + kBlock * n.value + 4 * g.value));
        __m512i& sum = pairs[n.value];
        sum = g.value % kTogether == 0 ? more : _mm512_add_epi16(sum, more);
        if constexpr (g.value % kTogether == kTogether - 1)
          sums[n.value].v = _mm512_add_epi32(sums[n.value].v, _mm512_madd_epi16(sum, ones));
      });
    });
  }
}

#endif

}  // namespace gantry::cpu::GANTRY_ISA
