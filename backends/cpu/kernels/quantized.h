// Linear layers of quantized weights: one algorithm over the layouts of layout.h. Each group of formats is a
// file of its own (linear_*.cc) so that they compile side by side.
#pragma once

#include "backends/cpu/kernels/linear.h"

namespace gantry::cpu::GANTRY_ISA {
namespace {

// ---- codes of one block: eight groups of unsigned bytes

// Group G of a block's eight.
template <typename L, uint32_t G>
GANTRY_INLINE U8 unpack_group(const uint8_t* lines) {
  constexpr uint32_t kLow = L::kLowBits;
  U8 w{};
  if constexpr (kLow == 8) {
    w = load_line(lines + kLine * G);
  } else if constexpr (kLow == 4) {
    w = pick<static_cast<int>(G / 4 * 4), 15>(load_line(lines + kLine * (G % 4)));
  } else if constexpr (kLow == 2) {
    w = pick<2 * static_cast<int>(G % 4), 3>(load_line(lines + kLine * (G / 4)));
  }
  const uint8_t* high = lines + kLine * kLow;
  if constexpr (L::kHighBits == 1) {
    constexpr int kShift = static_cast<int>(G) - static_cast<int>(kHighAt<L>);
    const U8 bit = pick<kShift, static_cast<uint8_t>(1u << kHighAt<L>)>(load_line(high));
    w = kLow == 0 ? bit : either(w, bit);
  } else if constexpr (L::kHighBits == 2) {
    constexpr int kShift = 2 * static_cast<int>(G % 4) - static_cast<int>(kLow);
    w = either(w, pick<kShift, static_cast<uint8_t>(3u << kLow)>(load_line(high + kLine * (G / 4))));
  }
  if constexpr (requires { L::kLevels; }) w = look_up(L::kLevels, w);
  return w;
}

// All groups, for several tokens.
struct HeldCodes {
  U8 w[8];
  template <typename L>
  GANTRY_INLINE void unpack(const uint8_t* lines) {
    unrolled<8>(GANTRY_LAMBDA(g) { w[g.value] = unpack_group<L, g.value>(lines); });
  }
  template <typename Group>
  GANTRY_INLINE const U8& group(Group g) const {
    return w[g.value];
  }
};
// Each group as it is asked for, for one token: fewer registers.
template <typename L>
struct ReadCodes {
  const uint8_t* lines;
  template <typename Group>
  GANTRY_INLINE U8 group(Group) const {
    return unpack_group<L, Group::value>(lines);
  }
};

// The 16 six-bit numbers of the 16 rows, as bytes [number][row].
GANTRY_INLINE void unpack_six(const uint8_t* lines, uint8_t* out) {
  const U8 a = load_line(lines), b = load_line(lines + kLine), high = load_line(lines + 2 * kLine);
  store_line(out, either(pick<0, 15>(a), pick<-4, 0x30>(high)));
  store_line(out + kLine, either(pick<4, 15>(a), pick<-2, 0x30>(high)));
  store_line(out + 2 * kLine, either(pick<0, 15>(b), pick<0, 0x30>(high)));
  store_line(out + 3 * kLine, either(pick<4, 15>(b), pick<2, 0x30>(high)));
}

// ---- scales: how each type's block sum enters the accumulator

// What a kernel holds of one unit's scales.
struct UnitScales {
  F32 d, dmin;
  alignas(64) uint8_t small[256];
};

template <typename L>
inline constexpr bool kHasUnitScales = requires { L::kD; };
template <typename L>
inline constexpr bool kHalves = L::kSums == SumsKind::kZero16 || L::kSums == SumsKind::kSums16;

template <typename L>
GANTRY_INLINE void open_unit(const uint8_t* unit, UnitScales& scales) {
  if constexpr (kHasUnitScales<L>) {
    scales.d = load_f16(unit + L::kD);
    if constexpr (requires { L::kDmin; }) scales.dmin = load_f16(unit + L::kDmin);
    if constexpr (requires { L::kSixBits; }) unpack_six(unit + L::kSmall, scales.small);
  }
}

// 2^(e - 128) for MXFP4's exponents 0..255: e - 1 as a float's own exponent. The two below that are
// subnormal, and for these, and for no other, (e + 1) * 2^21 are the larger bits.
GANTRY_INLINE F32 powers_of_two(const uint8_t* p) {
  const I32 e = load_u8(p), one = broadcast_i(1);
  return from_bits(max_i(shift_left<23>(sub_i(e, one)), shift_left<21>(add_i(e, one))));
}

// NVFP4's scales (quant::nvfp4_scale): bits 3..6 exponent, 0..2 mantissa, half of what the standard says.
GANTRY_INLINE F32 small_floats(const uint8_t* p) {
  const I32 byte = load_u8(p), code = and_i(byte, broadcast_i(127));
  const F32 number = to_float(code), from_nan = to_float(sub_i(byte, broadcast_i(0x7f)));
  const F32 normal = from_bits(add_i(shift_left<20>(code), broadcast_i(119 << 23)));
  const F32 value = select_less(number, broadcast(8.0f), mul(number, broadcast(0x1p-10f)), normal);
  return select_less(mul(from_nan, from_nan), broadcast(0.5f), broadcast(0.0f), value);
}

// Types with one scale for 32 values:  acc = fma(s * dx, isum, acc);  with minima then acc = fma(m, dx *
// qsum, acc).
template <typename L>
struct BlockScales {
  F32 s, m;
  GANTRY_INLINE void open(const uint8_t* unit, const UnitScales& unit_scales, uint64_t b) {
    if constexpr (requires { L::kSixBits; }) {
      s = mul(unit_scales.d, to_float(load_u8(unit_scales.small + 16 * b)));
      m = sub(broadcast(0.0f), mul(unit_scales.dmin, to_float(load_u8(unit_scales.small + 16 * (b + 8)))));
    } else if constexpr (kHasUnitScales<L>) {
      s = mul(unit_scales.d, to_float(load_i8(unit + L::kSmall + 16 * b)));
    } else if constexpr (requires { L::kPowers; }) {
      s = powers_of_two(unit + L::kPowers + 16 * b);
    } else if constexpr (requires { L::kScaleBlocks; }) {
      s = load_f16(unit + L::kScales + 32 * (b / L::kScaleBlocks));
    } else {
      s = load_f16(unit + L::kScales + 32 * b);
      if constexpr (L::kSums == SumsKind::kMin32) m = load_f16(unit + L::kMins + 32 * b);
    }
  }
  // Tokens [t, t + N) of a group of T.
  template <uint32_t T, uint32_t N, typename Codes>
  GANTRY_INLINE void add_tokens(const Codes& codes, const uint8_t* x, uint32_t t, F32* acc) const {
    const uint8_t* numbers = x + T * kBlock + 4 * t;
    I32 isum[N];
    repeated<N>(GANTRY_LAMBDA(n) {
      isum[n.value] =
          L::kSums == SumsKind::kZero32 ? broadcast_i_at(numbers + 4 * (T + n.value)) : broadcast_i(0);
    });
    dots<L::kCodeMax, 0, 8, N>(codes, x + kBlock * t, isum);
    repeated<N>(GANTRY_LAMBDA(n) {
      F32& at = acc[n.value];
      at = fma(mul(s, broadcast_at(numbers + 4 * n.value)), to_float(isum[n.value]), at);
      if constexpr (L::kSums == SumsKind::kMin32) at = fma(m, broadcast_at(numbers + 4 * (T + n.value)), at);
    });
  }
};

// Types with an integer scale for 16 values: the halves are weighted in integers, exactly, and
// acc = fma(d * dx, c0 * isum0 + c1 * isum1, acc); with minima then acc = fma(-dmin * dx, m0 * qsum0 + m1 *
// qsum1, acc).
template <typename L>
struct HalfScales {
  F32 d, dmin;
  I32 c0, c1, m0, m1;
  GANTRY_INLINE void open(const uint8_t* unit, const UnitScales& unit_scales, uint64_t b) {
    d = unit_scales.d;
    const uint64_t at = 32 * b;  // two sub-blocks of 16 rows' bytes
    if constexpr (L::kSums == SumsKind::kSums16) {
      dmin = sub(broadcast(0.0f), unit_scales.dmin);
      const I32 first = load_u8(unit + L::kSmall + at), second = load_u8(unit + L::kSmall + at + 16);
      c0 = and_i(first, broadcast_i(15));
      c1 = and_i(second, broadcast_i(15));
      m0 = shift_right<4>(first);
      m1 = shift_right<4>(second);
    } else if constexpr (requires { L::kSixBits; }) {
      c0 = sub_i(load_u8(unit_scales.small + at), broadcast_i(32));
      c1 = sub_i(load_u8(unit_scales.small + at + 16), broadcast_i(32));
    } else {
      c0 = load_i8(unit + L::kSmall + at);
      c1 = load_i8(unit + L::kSmall + at + 16);
    }
  }
  template <uint32_t T, uint32_t N, typename Codes>
  GANTRY_INLINE void add_tokens(const Codes& codes, const uint8_t* x, uint32_t t, F32* acc) const {
    const uint8_t* numbers = x + T * kBlock + 4 * t;
    constexpr bool kMins = L::kSums == SumsKind::kSums16;
    I32 sum0[N], sum1[N];
    repeated<N>(GANTRY_LAMBDA(n) {
      sum0[n.value] = kMins ? broadcast_i(0) : broadcast_i_at(numbers + 4 * (T + n.value));
      sum1[n.value] = kMins ? broadcast_i(0) : broadcast_i_at(numbers + 4 * (2 * T + n.value));
    });
    dots<L::kCodeMax, 0, 4, N>(codes, x + kBlock * t, sum0);
    dots<L::kCodeMax, 4, 4, N>(codes, x + kBlock * t + 16, sum1);
    repeated<N>(GANTRY_LAMBDA(n) {
      F32& at = acc[n.value];
      const F32 dx = broadcast_at(numbers + 4 * n.value);
      at = fma(mul(d, dx), to_float(add_i(mul_i(c0, sum0[n.value]), mul_i(c1, sum1[n.value]))), at);
      if constexpr (kMins) {
        const I32 min0 = mul_i(m0, broadcast_i_at(numbers + 4 * (T + n.value)));
        const I32 min1 = mul_i(m1, broadcast_i_at(numbers + 4 * (2 * T + n.value)));
        at = fma(mul(dmin, dx), to_float(add_i(min0, min1)), at);
      }
    });
  }
};

// Types with a float scale for 16 values:  acc = fma(dx, fma(s1, isum1, s0 * isum0), acc). A scale has four
// significant bits and a sum fifteen, so the products are exact and their sum is rounded once.
template <typename L>
struct FloatHalfScales {
  F32 s0, s1;
  GANTRY_INLINE void open(const uint8_t* unit, const UnitScales&, uint64_t b) {
    s0 = small_floats(unit + L::kHalfScales + 32 * b);
    s1 = small_floats(unit + L::kHalfScales + 32 * b + 16);
  }
  template <uint32_t T, uint32_t N, typename Codes>
  GANTRY_INLINE void add_tokens(const Codes& codes, const uint8_t* x, uint32_t t, F32* acc) const {
    const uint8_t* numbers = x + T * kBlock + 4 * t;
    I32 sum0[N], sum1[N];
    repeated<N>(GANTRY_LAMBDA(n) {
      sum0[n.value] = broadcast_i_at(numbers + 4 * (T + n.value));
      sum1[n.value] = broadcast_i_at(numbers + 4 * (2 * T + n.value));
    });
    dots<L::kCodeMax, 0, 4, N>(codes, x + kBlock * t, sum0);
    dots<L::kCodeMax, 4, 4, N>(codes, x + kBlock * t + 16, sum1);
    repeated<N>(GANTRY_LAMBDA(n) {
      F32& at = acc[n.value];
      const F32 joined = fma(s1, to_float(sum1[n.value]), mul(s0, to_float(sum0[n.value])));
      at = fma(broadcast_at(numbers + 4 * n.value), joined, at);
    });
  }
};

template <typename L, bool Halves>
struct ChooseScales {
  using Type = BlockScales<L>;
};
template <typename L>
struct ChooseScales<L, true> {
  using Type = HalfScales<L>;
};
template <typename L>
  requires requires { L::kHalfScales; }
struct ChooseScales<L, true> {
  using Type = FloatHalfScales<L>;
};

// ---- quantized weights

// One stream of weights is read once: the lines some way ahead, while this unit is worked on.
template <uint32_t Bytes>
GANTRY_INLINE void prefetch(const uint8_t* at) {
  constexpr uint32_t kAhead = 4096;
  unrolled<Bytes / kLine>(GANTRY_LAMBDA(i) { __builtin_prefetch(at + kAhead + kLine * i.value); });
}

template <typename L, uint32_t T>
void quantized_tile(const LinearJob& job, const TokenGroup& group, uint32_t tile) {
  using Scales = typename ChooseScales<L, kHalves<L>>::Type;
  constexpr uint32_t kUnit = L::kUnitBlocks;
  const uint8_t* units = job.weight + tile * job.tile_bytes;
  const uint8_t* x = job.xq + group.x_offset;
  Parts<T> parts;
  for (uint32_t section = 0; section < job.sections; ++section) {
    F32 acc[T];
    repeated<T>(GANTRY_LAMBDA(t) { acc[t.value] = broadcast(0.0f); });
    const uint32_t end = job.borders[section + 1] / kBlock;
    for (uint32_t at = job.borders[section] / kBlock; at < end;) {
      const uint8_t* unit = units + uint64_t{at / kUnit} * L::kUnitBytes;
      UnitScales unit_scales;
      if constexpr (T <= 2) prefetch<L::kUnitBytes>(unit);
      open_unit<L>(unit, unit_scales);
      const uint32_t first = at % kUnit;  // a border may lie inside a unit
      const uint32_t count = end - at < kUnit - first ? end - at : kUnit - first;
      at += count;
      for (uint32_t done = 0; done < count; ++done, x += group.x_stride) {
        const uint64_t b = uint64_t{first} + done;
        const uint8_t* lines = unit + L::kCodes + b * L::kBlockBytes;
        Scales scales;
        scales.open(unit, unit_scales, b);
        if constexpr (T == 1 && kReadCodes) {
          scales.template add_tokens<1, 1>(ReadCodes<L>{lines}, x, 0, acc);
        } else {
          HeldCodes codes;
          codes.unpack<L>(lines);
          constexpr uint32_t kN = T < kTokensAtOnce ? T : kTokensAtOnce;
          repeated<T / kN>(GANTRY_LAMBDA(i) {
            scales.template add_tokens<T, kN>(codes, x, i.value * kN, acc + i.value * kN);
          });
        }
      }
    }
    parts.lay(acc, job.joins[section]);
  }
  parts.end(job.joins);
  for (uint32_t node = 0; node < parts.count; ++node) {
    repeated<T>(GANTRY_LAMBDA(t) {
      if (t.value < group.tokens)
        finish(job, node, tile * kTileRows, group.first + t.value, parts.waiting[node][t.value]);
    });
  }
}

template <typename L>
void quantized_linear(const LinearJob& job, const TokenGroup& group, uint32_t tile0, uint32_t tile1) {
  for (uint32_t tile = tile0; tile < tile1; ++tile) {
    switch (group.width) {
      case 1:
        quantized_tile<L, 1>(job, group, tile);
        break;
      case 2:
        quantized_tile<L, 2>(job, group, tile);
        break;
      case 4:
        quantized_tile<L, 4>(job, group, tile);
        break;
      case 8:
        quantized_tile<L, 8>(job, group, tile);
        break;
      default:
        quantized_tile<L, 16>(job, group, tile);
        break;
    }
  }
}

}  // namespace
}  // namespace gantry::cpu::GANTRY_ISA
