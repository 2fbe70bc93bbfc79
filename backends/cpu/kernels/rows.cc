// Row by row operations: norm, rotation, gated activation, sum.
#include "backends/cpu/kernels/exp.h"
#include "backends/cpu/kernels/set.h"

namespace gantry::cpu::GANTRY_ISA {
namespace {

// Lane j sums the squares of elements j, j + 16, ...; then the halving tree.
void rms_norm(const float* x, const float* weight, float eps, uint32_t cols, float* out) {
  F32 squares = broadcast(0.0f);
  for (uint32_t i = 0; i < cols; i += 16) {
    const F32 v = cols - i < 16 ? load_first(x + i, cols - i) : load(x + i);
    squares = fma(v, v, squares);
  }
  const float mean = reduce_add(squares) / static_cast<float>(cols);
  const F32 scale = broadcast(1.0f / __builtin_sqrtf(mean + eps));
  for (uint32_t i = 0; i < cols; i += 16) {
    const uint32_t n = cols - i < 16 ? cols - i : 16;
    if (n == 16)
      store(out + i, mul(mul(load(x + i), scale), load(weight + i)));
    else
      store_first(out + i, mul(mul(load_first(x + i, n), scale), load_first(weight + i, n)), n);
  }
}

GANTRY_INLINE F32 silu_times(F32 gate, F32 up) {
  const F32 one = broadcast(1.0f);
  return mul(div(gate, add(one, exp(sub(broadcast(0.0f), gate)))), up);
}

void silu_glu(const float* gate, const float* up, uint32_t count, float* out) {
  uint32_t i = 0;
  for (; i + 16 <= count; i += 16) store(out + i, silu_times(load(gate + i), load(up + i)));
  const uint32_t n = count - i;
  if (n != 0) store_first(out + i, silu_times(load_first(gate + i, n), load_first(up + i, n)), n);
}

void add_vectors(const float* x, const float* y, uint32_t count, float* out) {
  uint32_t i = 0;
  for (; i + 16 <= count; i += 16) store(out + i, add(load(x + i), load(y + i)));
  const uint32_t n = count - i;
  if (n != 0) store_first(out + i, add(load_first(x + i, n), load_first(y + i, n)), n);
}

// (a, b) -> (a cos - b sin, a sin + b cos): two products and a sum, each rounded.
void rope(float* x, uint32_t heads, uint32_t head_dim, const float* table, uint32_t pairs, bool neox) {
  const float* cosines = table;
  const float* sines = table + pairs;
  for (uint32_t head = 0; head < heads; ++head, x += head_dim) {
    if (!neox) {
      for (uint32_t i = 0; i < pairs; ++i) {
        const float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = a * cosines[i] - b * sines[i];
        x[2 * i + 1] = a * sines[i] + b * cosines[i];
      }
      continue;
    }
    for (uint32_t i = 0; i < pairs; i += 16) {
      const uint32_t n = pairs - i < 16 ? pairs - i : 16;
      const F32 a = load_first(x + i, n), b = load_first(x + pairs + i, n);
      const F32 c = load_first(cosines + i, n), s = load_first(sines + i, n);
      store_first(x + i, sub(mul(a, c), mul(b, s)), n);
      store_first(x + pairs + i, add(mul(a, s), mul(b, c)), n);
    }
  }
}

}  // namespace

void add_rows(KernelTable& t) {
  t.rms_norm = rms_norm;
  t.silu_glu = silu_glu;
  t.add = add_vectors;
  t.rope = rope;
}

}  // namespace gantry::cpu::GANTRY_ISA
