// Sixteen lanes in two registers of AVX2 (with FMA and F16C). Same names and meaning as vec_scalar.h, which
// is the definition.
#pragma once

#include <cstdint>

#include <immintrin.h>

namespace gantry::cpu::GANTRY_ISA {

struct F32 {
  __m256 a, b;  // lanes 0..7, 8..15
};
struct I32 {
  __m256i a, b;
};
struct U8 {
  __m256i a, b;
};

inline constexpr uint32_t kQueriesAtOnce = 4, kTokensAtOnce = 2, kFloatTokens = 4;
inline constexpr bool kReadCodes = true;  // sixteen registers cannot hold them

GANTRY_INLINE __m256i load_256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
GANTRY_INLINE __m128i load_128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
GANTRY_INLINE __m128i load_64(const void* p) { return _mm_loadl_epi64(static_cast<const __m128i*>(p)); }
GANTRY_INLINE __m256i lanes_below(uint32_t n, int32_t first) {
  const __m256i lane = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(first));
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(n)), lane);
}

GANTRY_INLINE F32 broadcast(float v) { return {_mm256_set1_ps(v), _mm256_set1_ps(v)}; }
GANTRY_INLINE I32 broadcast_i(int32_t v) { return {_mm256_set1_epi32(v), _mm256_set1_epi32(v)}; }
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
GANTRY_INLINE F32 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
GANTRY_INLINE F32 load_first(const float* p, uint32_t n) {
  return {_mm256_maskload_ps(p, lanes_below(n, 0)), _mm256_maskload_ps(p + 8, lanes_below(n, 8))};
}
GANTRY_INLINE F32 load_f16(const uint8_t* p) {
  return {_mm256_cvtph_ps(load_128(p)), _mm256_cvtph_ps(load_128(p + 16))};
}
GANTRY_INLINE F32 load_bf16(const uint8_t* p) {
  const __m256i a = _mm256_cvtepu16_epi32(load_128(p)), b = _mm256_cvtepu16_epi32(load_128(p + 16));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(a, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(b, 16))};
}
GANTRY_INLINE F32 load_f32(const uint8_t* p) {
  return {_mm256_castsi256_ps(load_256(p)), _mm256_castsi256_ps(load_256(p + 32))};
}
GANTRY_INLINE I32 load_i8(const uint8_t* p) {
  return {_mm256_cvtepi8_epi32(load_64(p)), _mm256_cvtepi8_epi32(load_64(p + 8))};
}
GANTRY_INLINE I32 load_u8(const uint8_t* p) {
  return {_mm256_cvtepu8_epi32(load_64(p)), _mm256_cvtepu8_epi32(load_64(p + 8))};
}
GANTRY_INLINE void store(float* p, F32 v) {
  _mm256_storeu_ps(p, v.a);
  _mm256_storeu_ps(p + 8, v.b);
}
GANTRY_INLINE void store_first(float* p, F32 v, uint32_t n) {
  _mm256_maskstore_ps(p, lanes_below(n, 0), v.a);
  _mm256_maskstore_ps(p + 8, lanes_below(n, 8), v.b);
}
GANTRY_INLINE void store_i8(uint8_t* p, I32 v) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(v.a, v.b), 0xd8);
  const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}

GANTRY_INLINE F32 add(F32 x, F32 y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
GANTRY_INLINE F32 sub(F32 x, F32 y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
GANTRY_INLINE F32 mul(F32 x, F32 y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
GANTRY_INLINE F32 div(F32 x, F32 y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
GANTRY_INLINE F32 fma(F32 x, F32 y, F32 z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
GANTRY_INLINE F32 max(F32 x, F32 y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
GANTRY_INLINE F32 min(F32 x, F32 y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
GANTRY_INLINE F32 select_less(F32 p, F32 q, F32 x, F32 y) {
  return {_mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(p.a, q.a, _CMP_LT_OQ)),
          _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(p.b, q.b, _CMP_LT_OQ))};
}
GANTRY_INLINE F32 select_nan(F32 p, F32 x, F32 y) {
  return {_mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(p.a, p.a, _CMP_UNORD_Q)),
          _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(p.b, p.b, _CMP_UNORD_Q))};
}
GANTRY_INLINE F32 keep_first(F32 v, uint32_t n, F32 other) {
  return {_mm256_blendv_ps(other.a, v.a, _mm256_castsi256_ps(lanes_below(n, 0))),
          _mm256_blendv_ps(other.b, v.b, _mm256_castsi256_ps(lanes_below(n, 8)))};
}

GANTRY_INLINE F32 to_float(I32 v) { return {_mm256_cvtepi32_ps(v.a), _mm256_cvtepi32_ps(v.b)}; }
GANTRY_INLINE I32 bits(F32 v) { return {_mm256_castps_si256(v.a), _mm256_castps_si256(v.b)}; }
GANTRY_INLINE F32 from_bits(I32 v) { return {_mm256_castsi256_ps(v.a), _mm256_castsi256_ps(v.b)}; }
GANTRY_INLINE I32 add_i(I32 x, I32 y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
GANTRY_INLINE I32 sub_i(I32 x, I32 y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
GANTRY_INLINE I32 mul_i(I32 x, I32 y) { return {_mm256_mullo_epi32(x.a, y.a), _mm256_mullo_epi32(x.b, y.b)}; }
GANTRY_INLINE I32 and_i(I32 x, I32 y) { return {_mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b)}; }
GANTRY_INLINE I32 max_i(I32 x, I32 y) { return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)}; }
template <int N>
GANTRY_INLINE I32 shift_left(I32 v) {
  return {_mm256_slli_epi32(v.a, N), _mm256_slli_epi32(v.b, N)};
}
template <int N>
GANTRY_INLINE I32 shift_right(I32 v) {
  return {_mm256_srai_epi32(v.a, N), _mm256_srai_epi32(v.b, N)};
}

GANTRY_INLINE float reduce_add(F32 v) {
  const __m256 eight = _mm256_add_ps(v.a, v.b);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
GANTRY_INLINE float reduce_max(F32 v) {
  const __m256 eight = _mm256_max_ps(v.a, v.b);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
GANTRY_INLINE int32_t reduce_add_i(I32 v) {
  const __m256i eight = _mm256_add_epi32(v.a, v.b);
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}
GANTRY_INLINE int32_t reduce_max_i(I32 v) {
  const __m256i eight = _mm256_max_epi32(v.a, v.b);
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

GANTRY_INLINE U8 load_line(const uint8_t* p) { return {load_256(p), load_256(p + 32)}; }
GANTRY_INLINE void store_line(uint8_t* p, U8 v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v.a);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32), v.b);
}
// Shifts work on pairs of bytes; Mask leaves none of the neighbour's bits.
template <int Shift, uint8_t Mask>
GANTRY_INLINE U8 pick(U8 v) {
  static_assert(Shift >= 0 ? (Mask << Shift) < 256 : (Mask & ((1 << -Shift) - 1)) == 0);
  const __m256i mask = _mm256_set1_epi8(static_cast<char>(Mask));
  if constexpr (Shift > 0) v = {_mm256_srli_epi16(v.a, Shift), _mm256_srli_epi16(v.b, Shift)};
  if constexpr (Shift < 0) v = {_mm256_slli_epi16(v.a, -Shift), _mm256_slli_epi16(v.b, -Shift)};
  return {_mm256_and_si256(v.a, mask), _mm256_and_si256(v.b, mask)};
}
GANTRY_INLINE U8 either(U8 x, U8 y) { return {_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)}; }

GANTRY_INLINE U8 look_up(const uint8_t* table, U8 v) {
  const __m256i entries = _mm256_broadcastsi128_si256(load_128(table));
  return {_mm256_shuffle_epi8(entries, v.a), _mm256_shuffle_epi8(entries, v.b)};
}

GANTRY_INLINE __m256i four_bytes(const uint8_t* p) { return broadcast_i_at(p).a; }

// As in vec_avx512.h without VNNI.
template <uint32_t CodeMax, uint32_t First, uint32_t Groups, uint32_t N, typename Codes>
GANTRY_INLINE void dots(const Codes& codes, const uint8_t* x, I32* sums) {
  const __m256i ones = _mm256_set1_epi16(1);
  if constexpr (CodeMax == 255) {
    const __m256i top = _mm256_set1_epi8(static_cast<char>(0x80));
    unrolled<N>(GANTRY_LAMBDA(n) { sums[n.value] = broadcast_i(0); });
    unrolled<Groups>(GANTRY_LAMBDA(g) {
      const U8 w = codes.group(Index<First + g.value>{});
      const __m256i a = _mm256_xor_si256(w.a, top), b = _mm256_xor_si256(w.b, top);
      const __m256i size_a = _mm256_abs_epi8(a), size_b = _mm256_abs_epi8(b);
      unrolled<N>(GANTRY_LAMBDA(n) {
        const __m256i value = four_bytes(x + kBlock * n.value + 4 * g.value);
        const __m256i pairs_a = _mm256_maddubs_epi16(size_a, _mm256_sign_epi8(value, a));
        const __m256i pairs_b = _mm256_maddubs_epi16(size_b, _mm256_sign_epi8(value, b));
        I32& sum = sums[n.value];
        sum = add_i(sum, {_mm256_madd_epi16(pairs_a, ones), _mm256_madd_epi16(pairs_b, ones)});
      });
    });
  } else {
    constexpr uint32_t kFit = 32767 / (2 * 127 * CodeMax);
    constexpr uint32_t kTogether = kFit < Groups ? (kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1) : Groups;
    __m256i a[N], b[N];
    unrolled<Groups>(GANTRY_LAMBDA(g) {
      const U8 w = codes.group(Index<First + g.value>{});
      unrolled<N>(GANTRY_LAMBDA(n) {
        const __m256i value = four_bytes(x + kBlock * n.value + 4 * g.value);
        const __m256i more_a = _mm256_maddubs_epi16(w.a, value), more_b = _mm256_maddubs_epi16(w.b, value);
        constexpr bool kFirst = g.value % kTogether == 0;
        a[n.value] = kFirst ? more_a : _mm256_add_epi16(a[n.value], more_a);
        b[n.value] = kFirst ? more_b : _mm256_add_epi16(b[n.value], more_b);
        if constexpr (g.value % kTogether == kTogether - 1)
          sums[n.value] = add_i(sums[n.value],
                                {_mm256_madd_epi16(a[n.value], ones), _mm256_madd_epi16(b[n.value], ones)});
      });
    });
  }
}

}  // namespace gantry::cpu::GANTRY_ISA
