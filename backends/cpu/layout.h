// How weights, quantized activations and KV pages lie in a CPU device's memory. Constants and plain data
// only: this header is read by translation units compiled for different instruction sets, so it may hold no
// function that the linker could take from the wrong one.
//
// Weights. Rows are outputs; 16 rows make a tile, a SIMD lane is a row (rows are padded with zero blocks to a
// whole tile). Of floats a tile holds, for each k, the 16 rows' values. Of blocks it is a run of units along
// k, a unit a whole number of blocks of 32 values (and of GGUF's blocks): 2 of the simple formats, 8 of the K
// formats. In a block of 32, group g (0..7) is the values 4g..4g+3 of the 16 rows, one byte each: byte
// 4 * row + j. A "line" is 64 bytes: one group of 8-bit codes, or several groups of narrower ones:
//   low 4 bits:  line l (0..3): low nibble group l, high nibble group l + 4
//   low 2 bits:  line l (0..1): bits 2p, 2p+1 group 4l + p
//   high 2 bits: as low 2 bits, after the low lines
//   high 1 bit:  one line, bit g group g, after the low lines
// Codes are unsigned; value = scale * (code - kZero) (+ minimum). Where a type has kLevels, what is stored
// says which of them is the code; where it has a single bit, the codes are 0 and 2.
#pragma once

#include <cstdint>

namespace gantry::cpu {

inline constexpr uint32_t kTileRows = 16;
inline constexpr uint32_t kBlock = 32;        // values quantized together in an activation row
inline constexpr uint32_t kLine = 64;         // bytes
inline constexpr uint32_t kGroupTokens = 16;  // tokens that one pass over a tile serves at most

// What the second and third number of a quantized activation block hold beside its scale.
enum class SumsKind : uint8_t {
  kZero32,  // -kZero * sum of q (int32)
  kMin32,   // scale * sum of q (float)
  kZero16,  // -kZero * sum of q of either half (int32, int32)
  kSums16,  // sum of q of either half (int32, int32)
};

struct LayoutQ4_0 {
  static constexpr uint32_t kUnitBlocks = 2, kCodes = 64, kBlockBytes = 256, kUnitBytes = 576;
  static constexpr uint32_t kLowBits = 4, kHighBits = 0, kCodeMax = 15;
  static constexpr int32_t kZero = 8;
  static constexpr SumsKind kSums = SumsKind::kZero32;
  static constexpr uint32_t kScales = 0;  // f16 [block][row]
};
struct LayoutQ4_1 {
  static constexpr uint32_t kUnitBlocks = 2, kCodes = 128, kBlockBytes = 256, kUnitBytes = 640;
  static constexpr uint32_t kLowBits = 4, kHighBits = 0, kCodeMax = 15;
  static constexpr int32_t kZero = 0;
  static constexpr SumsKind kSums = SumsKind::kMin32;
  static constexpr uint32_t kScales = 0, kMins = 64;  // f16 [block][row]
};
struct LayoutQ5_0 {
  static constexpr uint32_t kUnitBlocks = 2, kCodes = 64, kBlockBytes = 320, kUnitBytes = 704;
  static constexpr uint32_t kLowBits = 4, kHighBits = 1, kCodeMax = 31;
  static constexpr int32_t kZero = 16;
  static constexpr SumsKind kSums = SumsKind::kZero32;
  static constexpr uint32_t kScales = 0;
};
struct LayoutQ5_1 {
  static constexpr uint32_t kUnitBlocks = 2, kCodes = 128, kBlockBytes = 320, kUnitBytes = 768;
  static constexpr uint32_t kLowBits = 4, kHighBits = 1, kCodeMax = 31;
  static constexpr int32_t kZero = 0;
  static constexpr SumsKind kSums = SumsKind::kMin32;
  static constexpr uint32_t kScales = 0, kMins = 64;
};
struct LayoutQ8_0 {
  static constexpr uint32_t kUnitBlocks = 2, kCodes = 64, kBlockBytes = 512, kUnitBytes = 1088;
  static constexpr uint32_t kLowBits = 8, kHighBits = 0, kCodeMax = 255;
  static constexpr int32_t kZero = 128;  // the signed value with its top bit turned
  static constexpr SumsKind kSums = SumsKind::kZero32;
  static constexpr uint32_t kScales = 0;
};
// Six-bit numbers x[16][row] in three lines: number 4i + n in the nibbles of line i / 2 (low for even i),
// byte 16 n + row; its two high bits in line 2, bits 2i, 2i+1.
struct LayoutQ4_K {
  static constexpr uint32_t kUnitBlocks = 8, kCodes = 256, kBlockBytes = 256, kUnitBytes = 2304;
  static constexpr uint32_t kLowBits = 4, kHighBits = 0, kCodeMax = 15;
  static constexpr int32_t kZero = 0;
  static constexpr SumsKind kSums = SumsKind::kMin32;
  static constexpr uint32_t kD = 0, kDmin = 32;  // f16 [row]
  static constexpr bool kSixBits = true;
  static constexpr uint32_t kSmall = 64;  // six-bit numbers: 8 scales, 8 minima
};
struct LayoutQ5_K {
  static constexpr uint32_t kUnitBlocks = 8, kCodes = 256, kBlockBytes = 320, kUnitBytes = 2816;
  static constexpr uint32_t kLowBits = 4, kHighBits = 1, kCodeMax = 31;
  static constexpr int32_t kZero = 0;
  static constexpr SumsKind kSums = SumsKind::kMin32;
  static constexpr uint32_t kD = 0, kDmin = 32;
  static constexpr bool kSixBits = true;
  static constexpr uint32_t kSmall = 64;
};
struct LayoutQ2_K {
  static constexpr uint32_t kUnitBlocks = 8, kCodes = 320, kBlockBytes = 128, kUnitBytes = 1344;
  static constexpr uint32_t kLowBits = 2, kHighBits = 0, kCodeMax = 3;
  static constexpr int32_t kZero = 0;
  static constexpr SumsKind kSums = SumsKind::kSums16;
  static constexpr uint32_t kD = 0, kDmin = 32;
  static constexpr uint32_t kSmall =
      64;  // [sub-block of 16][row]: scale in the low nibble, minimum in the high one
};
struct LayoutQ3_K {
  static constexpr uint32_t kUnitBlocks = 8, kCodes = 0, kBlockBytes = 192, kUnitBytes = 1792;
  static constexpr uint32_t kLowBits = 2, kHighBits = 1, kCodeMax = 7;
  static constexpr int32_t kZero = 4;
  static constexpr SumsKind kSums = SumsKind::kZero16;
  static constexpr bool kSixBits = true;
  static constexpr uint32_t kSmall = 1536;  // six-bit numbers: 16 scales, 32 too large
  static constexpr uint32_t kD = 1728;      // then 32 bytes of padding
};
struct LayoutQ6_K {
  static constexpr uint32_t kUnitBlocks = 8, kCodes = 0, kBlockBytes = 384, kUnitBytes = 3392;
  static constexpr uint32_t kLowBits = 4, kHighBits = 2, kCodeMax = 63;
  static constexpr int32_t kZero = 32;
  static constexpr SumsKind kSums = SumsKind::kZero16;
  static constexpr uint32_t kSmall = 3072;  // int8 [sub-block of 16][row]
  static constexpr uint32_t kD = 3328;      // then 32 bytes of padding
};
// IQ4's levels, 128 added.
alignas(16) inline constexpr uint8_t kIq4Codes[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                                      129, 141, 153, 166, 181, 197, 217, 241};
// FP4's levels, 12 added.
alignas(16) inline constexpr uint8_t kFp4Codes[16] = {12, 13, 14, 15, 16, 18, 20, 24,
                                                      12, 11, 10, 9,  8,  6,  4,  0};
struct LayoutIQ4_NL {
  static constexpr uint32_t kUnitBlocks = 2, kCodes = 64, kBlockBytes = 256, kUnitBytes = 576;
  static constexpr uint32_t kLowBits = 4, kHighBits = 0, kCodeMax = 255;
  static constexpr int32_t kZero = 128;
  static constexpr const uint8_t* kLevels = kIq4Codes;
  static constexpr SumsKind kSums = SumsKind::kZero32;
  static constexpr uint32_t kScales = 0;
};
struct LayoutIQ4_XS {
  static constexpr uint32_t kUnitBlocks = 8, kCodes = 192, kBlockBytes = 256, kUnitBytes = 2240;
  static constexpr uint32_t kLowBits = 4, kHighBits = 0, kCodeMax = 255;
  static constexpr int32_t kZero = 128;
  static constexpr const uint8_t* kLevels = kIq4Codes;
  static constexpr SumsKind kSums = SumsKind::kZero32;
  static constexpr uint32_t kD = 0;       // f16 [row]
  static constexpr uint32_t kSmall = 32;  // int8 [block][row], then 32 bytes of padding
};
struct LayoutMXFP4 {
  static constexpr uint32_t kUnitBlocks = 4, kCodes = 64, kBlockBytes = 256, kUnitBytes = 1088;
  static constexpr uint32_t kLowBits = 4, kHighBits = 0, kCodeMax = 24;
  static constexpr int32_t kZero = 12;
  static constexpr const uint8_t* kLevels = kFp4Codes;
  static constexpr SumsKind kSums = SumsKind::kZero32;
  static constexpr uint32_t kPowers = 0;  // GGUF's exponent [block][row]
};
struct LayoutNVFP4 {
  static constexpr uint32_t kUnitBlocks = 4, kCodes = 128, kBlockBytes = 256, kUnitBytes = 1152;
  static constexpr uint32_t kLowBits = 4, kHighBits = 0, kCodeMax = 24;
  static constexpr int32_t kZero = 12;
  static constexpr const uint8_t* kLevels = kFp4Codes;
  static constexpr SumsKind kSums = SumsKind::kZero16;
  static constexpr uint32_t kHalfScales = 0;  // GGUF's float of eight bits [sub-block of 16][row]
};
// TQ1_0 as well: its five digits to a byte are taken apart.
struct LayoutTQ2_0 {
  static constexpr uint32_t kUnitBlocks = 16, kCodes = 64, kBlockBytes = 128, kUnitBytes = 2112;
  static constexpr uint32_t kLowBits = 2, kHighBits = 0, kCodeMax = 3;
  static constexpr int32_t kZero = 1;
  static constexpr SumsKind kSums = SumsKind::kZero32;
  static constexpr uint32_t kScales = 0, kScaleBlocks = 8;  // f16 [block / 8][row]
};
struct LayoutQ1_0 {
  static constexpr uint32_t kUnitBlocks = 8, kCodes = 64, kBlockBytes = 64, kUnitBytes = 576;
  static constexpr uint32_t kLowBits = 0, kHighBits = 1, kCodeMax = 2;
  static constexpr int32_t kZero = 1;
  static constexpr SumsKind kSums = SumsKind::kZero32;
  static constexpr uint32_t kScales = 0, kScaleBlocks = 4;  // f16 [block / 4][row]
};
struct LayoutQ2_0 {
  static constexpr uint32_t kUnitBlocks = 4, kCodes = 64, kBlockBytes = 128, kUnitBytes = 576;
  static constexpr uint32_t kLowBits = 2, kHighBits = 0, kCodeMax = 3;
  static constexpr int32_t kZero = 1;
  static constexpr SumsKind kSums = SumsKind::kZero32;
  static constexpr uint32_t kScales = 0, kScaleBlocks = 2;  // f16 [block / 2][row]
};

// The place of a code's high bits.
template <typename L>
inline constexpr uint32_t kHighAt = L::kLowBits == 0 ? 1 : L::kLowBits;

// Tokens are served in groups of 16; what is left over in groups of the widths below, the last of which may
// be wider than what it serves (the surplus are zeros nobody reads). A block of a quantized activation group
// of width T: q int8 [T][32], scale float [T], then two numbers [T] each (SumsKind), padded to a line.
struct TokenGroup {
  uint32_t first;     // token
  uint32_t width;     // T: 1, 2, 4, 8 or 16
  uint32_t tokens;    // of these, real
  uint64_t x_offset;  // bytes from the start of the groups
  uint32_t x_stride;  // bytes from block to block; 0 for float weights
};

// One layer's part of one KV page, head after head. K is transposed: [key_dim][kPageTokens], a lane is a
// position. V is [kPageTokens][value_dim padded to 16], a lane is a value. Q8_0 adds f16 scales: K [blocks of
// 32 values] [kPageTokens], V the same. With value_in_key there is no V: its values are K's first ones.
struct KvLayout {
  uint32_t key_dim, value_dim, value_stride;  // values
  uint32_t k_scales, v, v_scales;             // bytes from the head's start
  uint64_t head_bytes, page_bytes;
  bool value_in_key;
};

}  // namespace gantry::cpu
