// Float weights, and the activations of all linear layers: quantized, or laid out for float weights.
#include "backends/cpu/kernels/linear.h"

namespace gantry::cpu::GANTRY_ISA {
namespace {

GANTRY_INLINE const float* x_row(const LinearJob& job, uint32_t token) {
  const uint64_t row = job.x_rows != nullptr ? static_cast<uint32_t>(job.x_rows[token]) : token;
  return job.x + row * job.x_stride;
}

// One block of one token: d = amax / 127, q = x * (127 / amax) to the nearest even. A largest value that is
// infinite or not a number makes the scale NaN; one below 2^-100 (whose reciprocal might overflow) counts as
// zero.
GANTRY_INLINE float quantize_block(const float* x, uint8_t* q, int32_t* sum0, int32_t* sum1) {
  const F32 a = load(x), b = load(x + 16);
  const I32 magnitude = broadcast_i(0x7fffffff);
  const int32_t most = reduce_max_i(max_i(and_i(bits(a), magnitude), and_i(bits(b), magnitude)));
  const float amax = __builtin_bit_cast(float, most);
  const bool finite = most < 0x7f800000, zero = most < 0x0d800000;
  if (!finite || zero) {
    store_i8(q, broadcast_i(0));
    store_i8(q + 16, broadcast_i(0));
    *sum0 = *sum1 = 0;
    return finite ? 0.0f : __builtin_nanf("");
  }
  // Adding 1.5 * 2^23 rounds to the nearest even integer and leaves it in the low bits.
  const F32 inverse = broadcast(127.0f / amax), magic = broadcast(12582912.0f);
  const I32 ia = sub_i(bits(add(mul(a, inverse), magic)), bits(magic));
  const I32 ib = sub_i(bits(add(mul(b, inverse), magic)), bits(magic));
  store_i8(q, ia);
  store_i8(q + 16, ib);
  *sum0 = reduce_add_i(ia);
  *sum1 = reduce_add_i(ib);
  return amax / 127.0f;
}

void quantize_group(const LinearJob& job, const TokenGroup& group, SumsKind sums, int32_t zero) {
  const uint32_t blocks = job.cols / kBlock, width = group.width;
  for (uint32_t t = 0; t < width; ++t) {
    const float* row = t < group.tokens ? x_row(job, group.first + t) : nullptr;
    uint8_t* to = job.xq + group.x_offset;
    for (uint32_t b = 0; b < blocks; ++b, to += group.x_stride) {
      int32_t sum0 = 0, sum1 = 0;
      float d = 0;
      if (t < group.tokens)
        d = quantize_block(row + kBlock * b, to + kBlock * t, &sum0, &sum1);
      else
        __builtin_memset(to + kBlock * t, 0, kBlock);
      int32_t first = sum0, second = sum1;
      if (sums == SumsKind::kZero32) first = -zero * (sum0 + sum1);
      if (sums == SumsKind::kMin32) first = __builtin_bit_cast(int32_t, d * static_cast<float>(sum0 + sum1));
      if (sums == SumsKind::kZero16) {
        first = -zero * sum0;
        second = -zero * sum1;
      }
      uint8_t* numbers = to + kBlock * width + 4 * t;
      __builtin_memcpy(numbers, &d, 4);
      __builtin_memcpy(numbers + 4 * width, &first, 4);
      __builtin_memcpy(numbers + 8 * width, &second, 4);
    }
  }
}

// ---- float weights: acc = fma(w, x[k], acc)

struct ElementF32 {
  static constexpr uint32_t kBytes = 4;
  GANTRY_INLINE static F32 values(const uint8_t* p) { return load_f32(p); }
};
struct ElementF16 {
  static constexpr uint32_t kBytes = 2;
  GANTRY_INLINE static F32 values(const uint8_t* p) { return load_f16(p); }
};
struct ElementBF16 {
  static constexpr uint32_t kBytes = 2;
  GANTRY_INLINE static F32 values(const uint8_t* p) { return load_bf16(p); }
};

// Float weights read their activations from groups too: [k][token], so that one line serves a step of all
// tokens.
void pack_group(const LinearJob& job, const TokenGroup& group) {
  auto* to = reinterpret_cast<float*>(job.xq + group.x_offset);
  for (uint32_t t = 0; t < group.width; ++t) {
    const float* row = t < group.tokens ? x_row(job, group.first + t) : nullptr;
    for (uint32_t k = 0; k < job.cols; ++k)
      to[uint64_t{k} * group.width + t] = t < group.tokens ? row[k] : 0.0f;
  }
}

// Tokens [from, from + T) of a group of W; N tiles at once: a chain waits for its own last step, so several
// must be under way.
template <typename E, uint32_t W, uint32_t T, uint32_t N>
void float_tiles(const LinearJob& job, const TokenGroup& group, uint32_t tile, uint32_t from) {
  const float* x =
      W == 1 ? x_row(job, group.first) : reinterpret_cast<const float*>(job.xq + group.x_offset) + from;
  const uint8_t* w = job.weight + tile * job.tile_bytes;
  Parts<N * T> parts;
  for (uint32_t section = 0; section < job.sections; ++section) {
    F32 acc[N * T];
    repeated<N * T>(GANTRY_LAMBDA(i) { acc[i.value] = broadcast(0.0f); });
    const uint32_t end = job.borders[section + 1];
    for (uint32_t k = job.borders[section]; k < end; ++k) {
      F32 values[N];
      repeated<N>(GANTRY_LAMBDA(n) {
        const uint8_t* at = w + n.value * job.tile_bytes + uint64_t{k} * kTileRows * E::kBytes;
        if constexpr (W == 1) __builtin_prefetch(at + 2048);
        values[n.value] = E::values(at);
      });
      repeated<T>(GANTRY_LAMBDA(t) {
        const F32 factor = broadcast(x[uint64_t{k} * W + t.value]);
        repeated<N>(GANTRY_LAMBDA(n) {
          F32& at = acc[n.value * T + t.value];
          at = fma(values[n.value], factor, at);
        });
      });
    }
    parts.lay(acc, job.joins[section]);
  }
  parts.end(job.joins);
  for (uint32_t node = 0; node < parts.count; ++node) {
    repeated<N>(GANTRY_LAMBDA(n) {
      repeated<T>(GANTRY_LAMBDA(t) {
        if (from + t.value < group.tokens)
          finish(job, node, (tile + n.value) * kTileRows, group.first + from + t.value,
                 parts.waiting[node][n.value * T + t.value]);
      });
    });
  }
}

template <typename E, uint32_t W>
void float_range(const LinearJob& job, const TokenGroup& group, uint32_t tile0, uint32_t tile1) {
  constexpr uint32_t kT = W < kFloatTokens ? W : kFloatTokens;
  constexpr uint32_t kN = kT == 1 ? 4 : kT == 16 ? 1 : kT == 8 ? 2 : kFloatTokens == 4 && kT == 4 ? 1 : 2;
  uint32_t tile = tile0;
  for (; tile + kN <= tile1; tile += kN) {
    for (uint32_t from = 0; from < W; from += kT) float_tiles<E, W, kT, kN>(job, group, tile, from);
  }
  for (; tile < tile1; ++tile) {
    for (uint32_t from = 0; from < W; from += kT) float_tiles<E, W, kT, 1>(job, group, tile, from);
  }
}

template <typename E>
void float_linear(const LinearJob& job, const TokenGroup& group, uint32_t tile0, uint32_t tile1) {
  switch (group.width) {
    case 1:
      float_range<E, 1>(job, group, tile0, tile1);
      break;
    case 2:
      float_range<E, 2>(job, group, tile0, tile1);
      break;
    case 4:
      float_range<E, 4>(job, group, tile0, tile1);
      break;
    case 8:
      float_range<E, 8>(job, group, tile0, tile1);
      break;
    default:
      float_range<E, 16>(job, group, tile0, tile1);
      break;
  }
}

}  // namespace

void add_linear_float(KernelTable& t) {
  t.quantize_group = quantize_group;
  t.pack_group = pack_group;
  linear_of(t, Dtype::kF32) = float_linear<ElementF32>;
  linear_of(t, Dtype::kF16) = float_linear<ElementF16>;
  linear_of(t, Dtype::kBF16) = float_linear<ElementBF16>;
}

}  // namespace gantry::cpu::GANTRY_ISA
