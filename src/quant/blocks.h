// The layout of quantized blocks as they lie in a GGUF file (little-endian, no padding, alignment 1), and how
// their packed small scales come apart. Shared by the scalar truth here and by the CPU backend. Layouts as
// the GGUF specification names them; the order of values inside a block is told beside each array.
#pragma once

#include <bit>
#include <cstdint>

namespace gantry::quant {

inline constexpr uint32_t kBlockValues = 32;        // of the simple formats
inline constexpr uint32_t kSuperBlockValues = 256;  // of the K formats, IQ4_XS and the ternary ones
inline constexpr uint32_t kBlockValuesNvfp4 = 64, kBlockValuesQ1_0 = 128, kBlockValuesQ2_0 = 64;

// f16 fields are the raw 16 bits: quant/half.h makes numbers of them.

struct [[gnu::packed]] BlockQ4_0 {  // value = d * (q - 8)
  uint16_t d;
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
static_assert(sizeof(BlockQ4_0) == 18);

struct [[gnu::packed]] BlockQ4_1 {  // value = d * q + m
  uint16_t d;
  uint16_t m;
  uint8_t qs[16];  // as Q4_0
};
static_assert(sizeof(BlockQ4_1) == 20);

struct [[gnu::packed]] BlockQ5_0 {  // value = d * (q - 16)
  uint16_t d;
  uint8_t qh[4];   // bit j of the little-endian word: the fifth bit of value j
  uint8_t qs[16];  // as Q4_0
};
static_assert(sizeof(BlockQ5_0) == 22);

struct [[gnu::packed]] BlockQ5_1 {  // value = d * q + m
  uint16_t d;
  uint16_t m;
  uint8_t qh[4];   // as Q5_0
  uint8_t qs[16];  // as Q4_0
};
static_assert(sizeof(BlockQ5_1) == 24);

struct [[gnu::packed]] BlockQ8_0 {  // value = d * q
  uint16_t d;
  int8_t qs[32];  // in order
};
static_assert(sizeof(BlockQ8_0) == 34);

// 16 sub-blocks of 16 values: value = d * (scales[s] & 15) * q - dmin * (scales[s] >> 4), q in 0..3.
struct [[gnu::packed]] BlockQ2_K {
  uint8_t scales[16];
  uint8_t qs[64];  // byte 32 * h + l, bits 2 * p: value 128 * h + 32 * p + l
  uint16_t d;
  uint16_t dmin;
};
static_assert(sizeof(BlockQ2_K) == 84);

// 16 sub-blocks of 16 values: value = d * (scale(s) - 32) * (q - 4), q in 0..7.
struct [[gnu::packed]] BlockQ3_K {
  uint8_t hmask[32];   // bit 4 * h + p of byte l: the high bit of value 128 * h + 32 * p + l
  uint8_t qs[64];      // the low two bits, as Q2_K
  uint8_t scales[12];  // 16 x 6 bits: q3_k_scale
  uint16_t d;
};
static_assert(sizeof(BlockQ3_K) == 110);

// 8 sub-blocks of 32 values: value = d * scale(s) * q - dmin * min(s), q in 0..15.
struct [[gnu::packed]] BlockQ4_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];  // 8 x (6 + 6) bits: k4_scale_min
  uint8_t qs[128];     // byte 32 * g + l: low nibble value 64 * g + l, high nibble value 64 * g + 32 + l
};
static_assert(sizeof(BlockQ4_K) == 144);

// As Q4_K with q in 0..31.
struct [[gnu::packed]] BlockQ5_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t qh[32];  // bit s of byte l: the fifth bit of value 32 * s + l
  uint8_t qs[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

// 16 sub-blocks of 16 values: value = d * scales[s] * (q - 32), q in 0..63.
struct [[gnu::packed]] BlockQ6_K {
  uint8_t ql[128];  // half h: bytes 64 * h + 32 * (p & 1) + l, low nibble for p < 2 else high: value 128 * h
                    // + 32 * p + l
  uint8_t qh[64];   // byte 32 * h + l, bits 2 * p: the high two bits of value 128 * h + 32 * p + l
  int8_t scales[16];
  uint16_t d;
};
static_assert(sizeof(BlockQ6_K) == 210);

// Four bits choose one of sixteen levels, denser around zero; there is no zero among them.
inline constexpr int8_t kIq4Levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};

struct [[gnu::packed]] BlockIQ4_NL {  // value = d * kIq4Levels[q]
  uint16_t d;
  uint8_t qs[16];  // as Q4_0
};
static_assert(sizeof(BlockIQ4_NL) == 18);

// 8 sub-blocks of 32 values: value = d * (scale(s) - 32) * kIq4Levels[q].
struct [[gnu::packed]] BlockIQ4_XS {
  uint16_t d;
  uint16_t scales_h;    // bits 2 * s: the high two bits of sub-block s's scale
  uint8_t scales_l[4];  // the low four: byte s / 2, high nibble for odd s
  uint8_t qs[128];      // byte 16 * s + j: low nibble value 32 * s + j, high nibble value 32 * s + 16 + j
};
static_assert(sizeof(BlockIQ4_XS) == 136);

// The levels of FP4 (sign, two bits of exponent, one of mantissa) times two, so that they are integers.
inline constexpr int8_t kFp4Levels[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// The largest exponent whose largest level is a finite float.
inline constexpr uint8_t kMxfp4MaxExponent = 252;

struct [[gnu::packed]] BlockMXFP4 {  // value = mxfp4_scale(e) * kFp4Levels[q]
  uint8_t e;
  uint8_t qs[16];  // as Q4_0
};
static_assert(sizeof(BlockMXFP4) == 17);

// 4 sub-blocks of 16 values: value = nvfp4_scale(d[s]) * kFp4Levels[q].
struct [[gnu::packed]] BlockNVFP4 {
  uint8_t d[4];
  uint8_t qs[32];  // byte 8 * s + j: low nibble value 16 * s + j, high nibble value 16 * s + 8 + j
};
static_assert(sizeof(BlockNVFP4) == 36);

// value = d * (digit - 1). Five digits of base 3 to a byte, as a fraction: the byte is the number 0..242,
// read with the first digit highest, times 256 / 243, rounded up. ternary_digit takes them apart.
struct [[gnu::packed]] BlockTQ1_0 {
  uint8_t qs[48];  // byte m < 32, digit n: value 32 * n + m; byte 32 + m, digit n: value 160 + 16 * n + m
  uint8_t qh[4];   // byte m, digit n < 4: value 240 + 4 * n + m; the fifth digit is 0
  uint16_t d;
};
static_assert(sizeof(BlockTQ1_0) == 54);

struct [[gnu::packed]] BlockTQ2_0 {  // value = d * (q - 1)
  uint8_t qs[64];                    // as Q2_K
  uint16_t d;
};
static_assert(sizeof(BlockTQ2_0) == 66);

struct [[gnu::packed]] BlockQ1_0 {  // value = d where the bit is set, otherwise -d
  uint16_t d;
  uint8_t qs[16];  // bit j % 8 of byte j / 8: value j
};
static_assert(sizeof(BlockQ1_0) == 18);

struct [[gnu::packed]] BlockQ2_0 {  // value = d * (q - 1), q in 0..3
  uint16_t d;
  uint8_t qs[16];  // bits 2 * (j % 4) of byte j / 4: value j
};
static_assert(sizeof(BlockQ2_0) == 18);

struct ScaleMin {
  uint8_t scale;  // 0..63
  uint8_t min;    // 0..63
};

// Sub-block s (0..7) of Q4_K and Q5_K. The first four pairs lie in the low 6 bits of bytes 0..7; the last
// four have their low nibbles in bytes 8..11 and their two high bits above those of the first four.
constexpr ScaleMin k4_scale_min(const uint8_t* scales, unsigned s) {
  if (s < 4) return {static_cast<uint8_t>(scales[s] & 63), static_cast<uint8_t>(scales[s + 4] & 63)};
  return {static_cast<uint8_t>((scales[s + 4] & 15) | ((scales[s - 4] >> 6) << 4)),
          static_cast<uint8_t>((scales[s + 4] >> 4) | ((scales[s] >> 6) << 4))};
}

// Sub-block s (0..15) of Q3_K: 0..63, of which 32 is to be taken off. Low nibbles in bytes 0..7 (sub-blocks 8
// and up in the high nibble), two high bits in bytes 8..11.
constexpr uint8_t q3_k_scale(const uint8_t* scales, unsigned s) {
  const int low = s < 8 ? scales[s] & 15 : scales[s - 8] >> 4;
  const int high = (scales[8 + s % 4] >> (2 * (s / 4))) & 3;
  return static_cast<uint8_t>(low | (high << 4));
}

// Sub-block s (0..7) of IQ4_XS: -32..31.
constexpr int iq4_xs_scale(const BlockIQ4_XS& b, unsigned s) {
  const int low = (b.scales_l[s / 2] >> (4 * (s % 2))) & 15;
  return (low | (((b.scales_h >> (2 * s)) & 3) << 4)) - 32;
}

// 2^(e - 128): half of the power of two that the standard means, because the levels are doubled. The first
// two are subnormal.
constexpr float mxfp4_scale(uint8_t e) {
  return std::bit_cast<float>(e < 2 ? 0x00200000u << e : (uint32_t{e} - 1) << 23);
}

// Half of an unsigned float of four bits of exponent (bias 7) and three of mantissa. 0x7f, the standard's
// NaN, means 0; the top bit has no meaning otherwise.
constexpr float nvfp4_scale(uint8_t code) {
  if (code == 0x7f) return 0;
  const uint32_t exponent = (code >> 3) & 15u, mantissa = code & 7u;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
  return std::bit_cast<float>(((exponent + 119) << 23) | (mantissa << 20));
}

// The byte of TQ1_0 that holds these five digits, the first the highest.
constexpr uint8_t ternary_byte(const uint8_t* digits) {
  uint32_t number = 0;
  for (int n = 0; n < 5; ++n) number = 3 * number + digits[n];
  return static_cast<uint8_t>((number * 256 + 242) / 243);
}

// Digit n (0..4, the first is the highest) of a byte of TQ1_0.
constexpr int ternary_digit(uint8_t byte, unsigned n) {
  constexpr uint8_t kPowers[5] = {1, 3, 9, 27, 81};
  return (static_cast<uint8_t>(byte * kPowers[n]) * 3) >> 8;
}

}  // namespace gantry::quant
