// How one GGUF block's scales and codes become the fields of a packed unit and back, one struct for each
// type. For pack.cc only. `at`: the block's place in its unit, in blocks of 32; `row`: its lane. Codes: one
// byte per value.
#pragma once

#include <cstdint>
#include <cstring>

#include "backends/cpu/layout.h"
#include "quant/blocks.h"

namespace gantry::cpu {

inline void put_half(uint8_t* field, uint32_t index, uint16_t bits) {
  std::memcpy(field + 2 * index, &bits, 2);
}
inline uint16_t get_half(const uint8_t* field, uint32_t index) {
  uint16_t bits = 0;
  std::memcpy(&bits, field + 2 * index, 2);
  return bits;
}

// Six-bit number n (0..15) of a row, in the three lines that layout.h describes.
inline void put_six(uint8_t* lines, uint32_t n, uint32_t row, uint32_t value) {
  const uint32_t quad = n / 4, at = 16 * (n % 4) + row;
  uint8_t& low = lines[kLine * (quad / 2) + at];
  uint8_t& high = lines[kLine * 2 + at];
  low = static_cast<uint8_t>(low | ((value & 15u) << (4 * (quad % 2))));
  high = static_cast<uint8_t>(high | ((value >> 4u) << (2 * quad)));
}
inline uint32_t get_six(const uint8_t* lines, uint32_t n, uint32_t row) {
  const uint32_t quad = n / 4, at = 16 * (n % 4) + row;
  const uint32_t low = (uint32_t{lines[kLine * (quad / 2) + at]} >> (4 * (quad % 2))) & 15u;
  return low | (((uint32_t{lines[kLine * 2 + at]} >> (2 * quad)) & 3u) << 4u);
}

// ---- blocks of 32

inline void split_nibbles(const uint8_t* qs, uint8_t* codes) {
  for (uint32_t j = 0; j < 16; ++j) {
    codes[j] = qs[j] & 15;
    codes[j + 16] = qs[j] >> 4;
  }
}
inline void join_nibbles(const uint8_t* codes, uint8_t* qs) {
  for (uint32_t j = 0; j < 16; ++j)
    qs[j] = static_cast<uint8_t>((codes[j] & 15u) | ((codes[j + 16] & 15u) << 4u));
}
inline void add_fifth_bits(const uint8_t* qh, uint8_t* codes) {
  for (uint32_t j = 0; j < 32; ++j)
    codes[j] = static_cast<uint8_t>(codes[j] | (((uint32_t{qh[j / 8]} >> (j % 8)) & 1u) << 4u));
}
inline void take_fifth_bits(const uint8_t* codes, uint8_t* qh) {
  for (uint32_t j = 0; j < 32; ++j)
    qh[j / 8] = static_cast<uint8_t>(qh[j / 8] | ((uint32_t{codes[j]} >> 4u) << (j % 8)));
}

template <typename L, typename B>
struct SimpleFormat {
  using Layout = L;
  using Block = B;
  static constexpr uint32_t kBlocksOf = 1;
  static void to_fields(const Block& b, uint8_t* unit, uint32_t at, uint32_t row, uint8_t* codes) {
    put_half(unit + L::kScales, at * kTileRows + row, b.d);
    if constexpr (requires { b.m; }) put_half(unit + L::kMins, at * kTileRows + row, b.m);
    split_nibbles(b.qs, codes);
    if constexpr (requires { b.qh; }) add_fifth_bits(b.qh, codes);
  }
  static void from_fields(const uint8_t* unit, uint32_t at, uint32_t row, const uint8_t* codes, Block& b) {
    b.d = get_half(unit + L::kScales, at * kTileRows + row);
    if constexpr (requires { b.m; }) b.m = get_half(unit + L::kMins, at * kTileRows + row);
    join_nibbles(codes, b.qs);
    if constexpr (requires { b.qh; }) take_fifth_bits(codes, b.qh);
  }
};
using FormatQ4_0 = SimpleFormat<LayoutQ4_0, quant::BlockQ4_0>;
using FormatQ4_1 = SimpleFormat<LayoutQ4_1, quant::BlockQ4_1>;
using FormatQ5_0 = SimpleFormat<LayoutQ5_0, quant::BlockQ5_0>;
using FormatQ5_1 = SimpleFormat<LayoutQ5_1, quant::BlockQ5_1>;
using FormatIQ4_NL = SimpleFormat<LayoutIQ4_NL, quant::BlockIQ4_NL>;

// The codes of the kernels are the levels of the format, moved up by its zero.
consteval bool codes_are_levels(const uint8_t* codes, const int8_t* levels, int zero) {
  for (int i = 0; i < 16; ++i) {
    if (codes[i] != levels[i] + zero) return false;
  }
  return true;
}
static_assert(codes_are_levels(kIq4Codes, quant::kIq4Levels, LayoutIQ4_NL::kZero));
static_assert(codes_are_levels(kFp4Codes, quant::kFp4Levels, LayoutMXFP4::kZero));

struct FormatQ8_0 {
  using Layout = LayoutQ8_0;
  using Block = quant::BlockQ8_0;
  static constexpr uint32_t kBlocksOf = 1;
  static void to_fields(const Block& b, uint8_t* unit, uint32_t at, uint32_t row, uint8_t* codes) {
    put_half(unit + Layout::kScales, at * kTileRows + row, b.d);
    for (uint32_t j = 0; j < 32; ++j) codes[j] = static_cast<uint8_t>(static_cast<uint8_t>(b.qs[j]) ^ 0x80u);
  }
  static void from_fields(const uint8_t* unit, uint32_t at, uint32_t row, const uint8_t* codes, Block& b) {
    b.d = get_half(unit + Layout::kScales, at * kTileRows + row);
    for (uint32_t j = 0; j < 32; ++j) b.qs[j] = static_cast<int8_t>(codes[j] ^ 0x80u);
  }
};

struct FormatMXFP4 {
  using Layout = LayoutMXFP4;
  using Block = quant::BlockMXFP4;
  static constexpr uint32_t kBlocksOf = 1;
  static void to_fields(const Block& b, uint8_t* unit, uint32_t at, uint32_t row, uint8_t* codes) {
    unit[Layout::kPowers + kTileRows * at + row] = b.e;
    split_nibbles(b.qs, codes);
  }
  static void from_fields(const uint8_t* unit, uint32_t at, uint32_t row, const uint8_t* codes, Block& b) {
    b.e = unit[Layout::kPowers + kTileRows * at + row];
    join_nibbles(codes, b.qs);
  }
};

// ---- blocks of 64 and 128 values

struct FormatNVFP4 {
  using Layout = LayoutNVFP4;
  using Block = quant::BlockNVFP4;
  static constexpr uint32_t kBlocksOf = 2;
  static void to_fields(const Block& b, uint8_t* unit, uint32_t at, uint32_t row, uint8_t* codes) {
    for (uint32_t s = 0; s < 4; ++s) {
      unit[Layout::kHalfScales + kTileRows * (2 * at + s) + row] = b.d[s];
      for (uint32_t j = 0; j < 8; ++j) {
        codes[16 * s + j] = b.qs[8 * s + j] & 15;
        codes[16 * s + 8 + j] = b.qs[8 * s + j] >> 4;
      }
    }
  }
  static void from_fields(const uint8_t* unit, uint32_t at, uint32_t row, const uint8_t* codes, Block& b) {
    for (uint32_t s = 0; s < 4; ++s) {
      b.d[s] = unit[Layout::kHalfScales + kTileRows * (2 * at + s) + row];
      for (uint32_t j = 0; j < 8; ++j)
        b.qs[8 * s + j] = static_cast<uint8_t>(codes[16 * s + j] | (codes[16 * s + 8 + j] << 4u));
    }
  }
};

// One scale, then codes of kBits in order; a single bit stands for the codes 0 and 2.
template <typename L, typename B, uint32_t kBits>
struct FewBitsFormat {
  using Layout = L;
  using Block = B;
  static constexpr uint32_t kBlocksOf = L::kScaleBlocks, kUp = kBits == 1 ? 1 : 0;
  static void to_fields(const Block& b, uint8_t* unit, uint32_t at, uint32_t row, uint8_t* codes) {
    put_half(unit + L::kScales, at / kBlocksOf * kTileRows + row, b.d);
    for (uint32_t i = 0; i < kBlock * kBlocksOf; ++i) {
      const uint32_t bits = uint32_t{b.qs[i * kBits / 8]} >> (i * kBits % 8);
      codes[i] = static_cast<uint8_t>((bits & ((1u << kBits) - 1)) << kUp);
    }
  }
  static void from_fields(const uint8_t* unit, uint32_t at, uint32_t row, const uint8_t* codes, Block& b) {
    b.d = get_half(unit + L::kScales, at / kBlocksOf * kTileRows + row);
    for (uint32_t i = 0; i < kBlock * kBlocksOf; ++i) {
      uint8_t& to = b.qs[i * kBits / 8];
      to = static_cast<uint8_t>(to | ((uint32_t{codes[i]} >> kUp) << (i * kBits % 8)));
    }
  }
};
using FormatQ1_0 = FewBitsFormat<LayoutQ1_0, quant::BlockQ1_0, 1>;
using FormatQ2_0 = FewBitsFormat<LayoutQ2_0, quant::BlockQ2_0, 2>;

// ---- super-blocks of 256: one fills a unit, so `at` is 0

// Two bits of value i, as Q2_K, Q3_K and the high bits of Q6_K store them.
inline uint32_t two_bits(const uint8_t* qs, uint32_t i) {
  return (uint32_t{qs[32 * (i / 128) + i % 32]} >> (2 * (i / 32 % 4))) & 3u;
}
inline void put_two_bits(uint8_t* qs, uint32_t i, uint32_t value) {
  uint8_t& at = qs[32 * (i / 128) + i % 32];
  at = static_cast<uint8_t>(at | (value << (2 * (i / 32 % 4))));
}

template <typename L, typename B>
struct FormatQ45_K {
  using Layout = L;
  using Block = B;
  static constexpr uint32_t kBlocksOf = 8;
  static void to_fields(const Block& b, uint8_t* unit, uint32_t, uint32_t row, uint8_t* codes) {
    put_half(unit + L::kD, row, b.d);
    put_half(unit + L::kDmin, row, b.dmin);
    for (uint32_t s = 0; s < 8; ++s) {
      const quant::ScaleMin sm = quant::k4_scale_min(b.scales, s);
      put_six(unit + L::kSmall, s, row, sm.scale);
      put_six(unit + L::kSmall, s + 8, row, sm.min);
      for (uint32_t l = 0; l < 32; ++l) {
        uint32_t code = (uint32_t{b.qs[32 * (s / 2) + l]} >> (4 * (s % 2))) & 15u;
        if constexpr (requires { b.qh; }) code |= ((uint32_t{b.qh[l]} >> s) & 1u) << 4u;
        codes[32 * s + l] = static_cast<uint8_t>(code);
      }
    }
  }
  static void from_fields(const uint8_t* unit, uint32_t, uint32_t row, const uint8_t* codes, Block& b) {
    b.d = get_half(unit + L::kD, row);
    b.dmin = get_half(unit + L::kDmin, row);
    for (uint32_t s = 0; s < 4; ++s) {
      const uint32_t scale = get_six(unit + L::kSmall, s, row), min = get_six(unit + L::kSmall, s + 8, row);
      const uint32_t scale4 = get_six(unit + L::kSmall, s + 4, row);
      const uint32_t min4 = get_six(unit + L::kSmall, s + 12, row);
      b.scales[s] = static_cast<uint8_t>(scale | ((scale4 >> 4u) << 6u));
      b.scales[s + 4] = static_cast<uint8_t>(min | ((min4 >> 4u) << 6u));
      b.scales[s + 8] = static_cast<uint8_t>((scale4 & 15u) | ((min4 & 15u) << 4u));
    }
    for (uint32_t i = 0; i < 256; ++i) {
      const uint32_t s = i / 32, l = i % 32;
      uint8_t& low = b.qs[32 * (s / 2) + l];
      low = static_cast<uint8_t>(low | ((codes[i] & 15u) << (4 * (s % 2))));
      if constexpr (requires { b.qh; })
        b.qh[l] = static_cast<uint8_t>(b.qh[l] | ((uint32_t{codes[i]} >> 4u) << s));
    }
  }
};
using FormatQ4_K = FormatQ45_K<LayoutQ4_K, quant::BlockQ4_K>;
using FormatQ5_K = FormatQ45_K<LayoutQ5_K, quant::BlockQ5_K>;

struct FormatQ2_K {
  using Layout = LayoutQ2_K;
  using Block = quant::BlockQ2_K;
  static constexpr uint32_t kBlocksOf = 8;
  static void to_fields(const Block& b, uint8_t* unit, uint32_t, uint32_t row, uint8_t* codes) {
    put_half(unit + Layout::kD, row, b.d);
    put_half(unit + Layout::kDmin, row, b.dmin);
    for (uint32_t s = 0; s < 16; ++s) unit[Layout::kSmall + kTileRows * s + row] = b.scales[s];
    for (uint32_t i = 0; i < 256; ++i) codes[i] = static_cast<uint8_t>(two_bits(b.qs, i));
  }
  static void from_fields(const uint8_t* unit, uint32_t, uint32_t row, const uint8_t* codes, Block& b) {
    b.d = get_half(unit + Layout::kD, row);
    b.dmin = get_half(unit + Layout::kDmin, row);
    for (uint32_t s = 0; s < 16; ++s) b.scales[s] = unit[Layout::kSmall + kTileRows * s + row];
    for (uint32_t i = 0; i < 256; ++i) put_two_bits(b.qs, i, codes[i]);
  }
};

struct FormatQ3_K {
  using Layout = LayoutQ3_K;
  using Block = quant::BlockQ3_K;
  static constexpr uint32_t kBlocksOf = 8;
  static void to_fields(const Block& b, uint8_t* unit, uint32_t, uint32_t row, uint8_t* codes) {
    put_half(unit + Layout::kD, row, b.d);
    for (uint32_t s = 0; s < 16; ++s) put_six(unit + Layout::kSmall, s, row, quant::q3_k_scale(b.scales, s));
    for (uint32_t i = 0; i < 256; ++i) {
      const uint32_t high = (uint32_t{b.hmask[i % 32]} >> (i / 32)) & 1u;
      codes[i] = static_cast<uint8_t>(two_bits(b.qs, i) | (high << 2u));
    }
  }
  static void from_fields(const uint8_t* unit, uint32_t, uint32_t row, const uint8_t* codes, Block& b) {
    b.d = get_half(unit + Layout::kD, row);
    for (uint32_t s = 0; s < 16; ++s) {
      const uint32_t scale = get_six(unit + Layout::kSmall, s, row);
      uint8_t& low = b.scales[s % 8];
      uint8_t& high = b.scales[8 + s % 4];
      low = static_cast<uint8_t>(low | ((scale & 15u) << (4 * (s / 8))));
      high = static_cast<uint8_t>(high | ((scale >> 4u) << (2 * (s / 4))));
    }
    for (uint32_t i = 0; i < 256; ++i) {
      put_two_bits(b.qs, i, codes[i] & 3u);
      b.hmask[i % 32] = static_cast<uint8_t>(b.hmask[i % 32] | ((uint32_t{codes[i]} >> 2u) << (i / 32)));
    }
  }
};

struct FormatQ6_K {
  using Layout = LayoutQ6_K;
  using Block = quant::BlockQ6_K;
  static constexpr uint32_t kBlocksOf = 8;
  static uint32_t low_at(uint32_t i) { return 64 * (i / 128) + 32 * (i / 32 % 2) + i % 32; }
  static uint32_t low_shift(uint32_t i) { return 4 * (i / 64 % 2); }
  static void to_fields(const Block& b, uint8_t* unit, uint32_t, uint32_t row, uint8_t* codes) {
    put_half(unit + Layout::kD, row, b.d);
    for (uint32_t s = 0; s < 16; ++s)
      unit[Layout::kSmall + kTileRows * s + row] = static_cast<uint8_t>(b.scales[s]);
    for (uint32_t i = 0; i < 256; ++i) {
      const uint32_t low = (uint32_t{b.ql[low_at(i)]} >> low_shift(i)) & 15u;
      codes[i] = static_cast<uint8_t>(low | (two_bits(b.qh, i) << 4u));
    }
  }
  static void from_fields(const uint8_t* unit, uint32_t, uint32_t row, const uint8_t* codes, Block& b) {
    b.d = get_half(unit + Layout::kD, row);
    for (uint32_t s = 0; s < 16; ++s)
      b.scales[s] = static_cast<int8_t>(unit[Layout::kSmall + kTileRows * s + row]);
    for (uint32_t i = 0; i < 256; ++i) {
      uint8_t& low = b.ql[low_at(i)];
      low = static_cast<uint8_t>(low | ((codes[i] & 15u) << low_shift(i)));
      put_two_bits(b.qh, i, uint32_t{codes[i]} >> 4u);
    }
  }
};

struct FormatIQ4_XS {
  using Layout = LayoutIQ4_XS;
  using Block = quant::BlockIQ4_XS;
  static constexpr uint32_t kBlocksOf = 8;
  static void to_fields(const Block& b, uint8_t* unit, uint32_t, uint32_t row, uint8_t* codes) {
    put_half(unit + Layout::kD, row, b.d);
    for (uint32_t s = 0; s < 8; ++s) {
      unit[Layout::kSmall + kTileRows * s + row] = static_cast<uint8_t>(quant::iq4_xs_scale(b, s));
      split_nibbles(b.qs + 16 * s, codes + 32 * s);
    }
  }
  static void from_fields(const uint8_t* unit, uint32_t, uint32_t row, const uint8_t* codes, Block& b) {
    b.d = get_half(unit + Layout::kD, row);
    for (uint32_t s = 0; s < 8; ++s) {
      const uint32_t scale = (uint32_t{unit[Layout::kSmall + kTileRows * s + row]} + 32u) & 63u;
      b.scales_l[s / 2] = static_cast<uint8_t>(b.scales_l[s / 2] | ((scale & 15u) << (4 * (s % 2))));
      b.scales_h = static_cast<uint16_t>(b.scales_h | ((scale >> 4u) << (2 * s)));
      join_nibbles(codes + 32 * s, b.qs + 16 * s);
    }
  }
};

struct FormatTQ2_0 {
  using Layout = LayoutTQ2_0;
  using Block = quant::BlockTQ2_0;
  static constexpr uint32_t kBlocksOf = 8;
  static void to_fields(const Block& b, uint8_t* unit, uint32_t at, uint32_t row, uint8_t* codes) {
    put_half(unit + Layout::kScales, at / kBlocksOf * kTileRows + row, b.d);
    for (uint32_t i = 0; i < 256; ++i) codes[i] = static_cast<uint8_t>(two_bits(b.qs, i));
  }
  static void from_fields(const uint8_t* unit, uint32_t at, uint32_t row, const uint8_t* codes, Block& b) {
    b.d = get_half(unit + Layout::kScales, at / kBlocksOf * kTileRows + row);
    for (uint32_t i = 0; i < 256; ++i) put_two_bits(b.qs, i, codes[i]);
  }
};

struct FormatTQ1_0 {
  using Layout = LayoutTQ2_0;
  using Block = quant::BlockTQ1_0;
  static constexpr uint32_t kBlocksOf = 8;
  // A run of bytes of `digits` digits each, `stride` values apart.
  static void split(const uint8_t* bytes, uint32_t stride, uint32_t digits, uint8_t* codes) {
    for (uint32_t n = 0; n < digits; ++n)
      for (uint32_t m = 0; m < stride; ++m)
        codes[stride * n + m] = static_cast<uint8_t>(quant::ternary_digit(bytes[m], n));
  }
  static void join(const uint8_t* codes, uint32_t stride, uint32_t digits, uint8_t* bytes) {
    for (uint32_t m = 0; m < stride; ++m) {
      uint8_t five[5] = {};
      for (uint32_t n = 0; n < digits; ++n) five[n] = codes[stride * n + m];
      bytes[m] = quant::ternary_byte(five);
    }
  }
  static void to_fields(const Block& b, uint8_t* unit, uint32_t at, uint32_t row, uint8_t* codes) {
    put_half(unit + Layout::kScales, at / kBlocksOf * kTileRows + row, b.d);
    split(b.qs, 32, 5, codes);
    split(b.qs + 32, 16, 5, codes + 160);
    split(b.qh, 4, 4, codes + 240);
  }
  static void from_fields(const uint8_t* unit, uint32_t at, uint32_t row, const uint8_t* codes, Block& b) {
    b.d = get_half(unit + Layout::kScales, at / kBlocksOf * kTileRows + row);
    join(codes, 32, 5, b.qs);
    join(codes + 160, 16, 5, b.qs + 32);
    join(codes + 240, 4, 4, b.qh);
  }
};

}  // namespace gantry::cpu
