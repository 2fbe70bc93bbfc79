// Row by row operations: norm, rotation, activations, sum, scaling.
#include "backends/cpu/kernels/exp.h"
#include "backends/cpu/kernels/lanes.h"
#include "backends/cpu/kernels/set.h"
#include "backends/cpu/kernels/tanh.h"

namespace gantry::cpu::GANTRY_ISA {
namespace {

GANTRY_INLINE F32 load_some(const float* p, uint32_t n) { return n == 16 ? load(p) : load_first(p, n); }
GANTRY_INLINE void store_some(float* p, F32 v, uint32_t n) { n == 16 ? store(p, v) : store_first(p, v, n); }

// function(i, n) for each sixteen elements [i, i + n) of a row.
template <typename Function>
GANTRY_INLINE void sixteens(uint32_t count, Function&& function) {
  for (uint32_t i = 0; i < count; i += 16) function(i, count - i < 16 ? count - i : 16);
}

GANTRY_INLINE F32 weighted(const NormJob& job, F32 v, uint32_t i, uint32_t n) {
  if (job.weight != nullptr) v = mul(v, load_some(job.weight + i, n));
  if (job.bias != nullptr) v = add(v, load_some(job.bias + i, n));
  return v;
}

void rms_norm(const float* x, const NormJob& job, float* out) {
  const float squares = sum_in_lanes(job.cols, [&](F32 sum, uint32_t i, uint32_t n) GANTRY_INLINE_LAMBDA {
    const F32 v = load_some(x + i, n);
    return fma(v, v, sum);
  });
  const float mean = squares / static_cast<float>(job.cols);
  const F32 scale = broadcast(1.0f / __builtin_sqrtf(mean + job.eps));
  sixteens(job.cols, [&](uint32_t i, uint32_t n) GANTRY_INLINE_LAMBDA {
    store_some(out + i, weighted(job, mul(load_some(x + i, n), scale), i, n), n);
  });
}

// The mean in the same order, then the squares of the differences from it.
void layer_norm(const float* x, const NormJob& job, float* out) {
  const float sum = sum_in_lanes(job.cols, [&](F32 lanes, uint32_t i, uint32_t n) GANTRY_INLINE_LAMBDA {
    return add(lanes, load_some(x + i, n));
  });
  const F32 mean = broadcast(sum / static_cast<float>(job.cols));
  const float squares = sum_in_lanes(job.cols, [&](F32 lanes, uint32_t i, uint32_t n) GANTRY_INLINE_LAMBDA {
    const F32 v = keep_first(sub(load_some(x + i, n), mean), n, broadcast(0.0f));
    return fma(v, v, lanes);
  });
  const float variance = squares / static_cast<float>(job.cols);
  const F32 scale = broadcast(1.0f / __builtin_sqrtf(variance + job.eps));
  sixteens(job.cols, [&](uint32_t i, uint32_t n) GANTRY_INLINE_LAMBDA {
    store_some(out + i, weighted(job, mul(sub(load_some(x + i, n), mean), scale), i, n), n);
  });
}

// x / (1 + e^-z)
GANTRY_INLINE F32 times_sigmoid(F32 x, F32 z) {
  return div(x, add(broadcast(1.0f), exp(sub(broadcast(0.0f), z))));
}

// Activations. Each takes what is not a number to what is not a number.
struct Silu {
  GANTRY_INLINE static F32 of(F32 x) { return times_sigmoid(x, x); }
};
// x/2 (1 + tanh(u)) = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3).
struct Gelu {
  GANTRY_INLINE static F32 of(F32 x) {
    const F32 inner = fma(mul(x, x), broadcast(0.0713548163f), broadcast(1.59576912f));
    return times_sigmoid(x, mul(x, inner));
  }
};
struct GeluErf {
  GANTRY_INLINE static F32 of(F32 x) {
    const F32 half = mul(x, broadcast(0.5f));
    return mul(half, add(broadcast(1.0f), erf(mul(x, broadcast(0.707106781f)))));
  }
};
struct GeluQuick {
  GANTRY_INLINE static F32 of(F32 x) { return times_sigmoid(x, mul(x, broadcast(1.702f))); }
};
struct Relu {
  GANTRY_INLINE static F32 of(F32 x) { return select_less(x, broadcast(0.0f), broadcast(0.0f), x); }
};
struct ReluSquared {
  GANTRY_INLINE static F32 of(F32 x) { return mul(Relu::of(x), Relu::of(x)); }
};

struct Limited {
  static constexpr float kLimit = 7;
  GANTRY_INLINE static F32 of(F32 x) {
    const F32 limit = broadcast(kLimit);
    return GeluQuick::of(select_less(limit, x, limit, x));
  }
  GANTRY_INLINE static F32 gated(F32 up) {
    const F32 low = broadcast(-kLimit), high = broadcast(kLimit);
    return add(select_less(up, low, low, select_less(high, up, high, up)), broadcast(1.0f));
  }
};

// What an activation gates, as it enters the product.
template <typename A>
GANTRY_INLINE F32 gated(F32 up) {
  if constexpr (requires { A::gated(up); })
    return A::gated(up);
  else
    return up;
}

template <typename A>
void glu(const float* gate, const float* up, uint32_t count, float* out) {
  sixteens(count, [&](uint32_t i, uint32_t n) GANTRY_INLINE_LAMBDA {
    store_some(out + i, mul(A::of(load_some(gate + i, n)), gated<A>(load_some(up + i, n))), n);
  });
}

template <typename A>
void activate(const float* x, uint32_t count, float* out) {
  sixteens(count, [&](uint32_t i, uint32_t n)
                      GANTRY_INLINE_LAMBDA { store_some(out + i, A::of(load_some(x + i, n)), n); });
}

void add_vectors(const float* x, const float* y, float scale, uint32_t count, float* out) {
  sixteens(count, [&](uint32_t i, uint32_t n) GANTRY_INLINE_LAMBDA {
    store_some(out + i, fma(load_some(y + i, n), broadcast(scale), load_some(x + i, n)), n);
  });
}

void scale_row(const float* x, float scale, float clamp, float cap, uint32_t count, float* out) {
  const F32 low = broadcast(-clamp), high = broadcast(clamp);
  sixteens(count, [&](uint32_t i, uint32_t n) GANTRY_INLINE_LAMBDA {
    F32 v = mul(load_some(x + i, n), broadcast(scale));
    if (clamp != 0) v = select_less(v, low, low, select_less(high, v, high, v));
    if (cap != 0) v = capped(v, cap);
    store_some(out + i, v, n);
  });
}

// In the order of device::Activation.
template <typename... A>
void set_activations(KernelTable& t) {
  static_assert(sizeof...(A) == kActivationKinds);
  uint32_t i = 0;
  ((t.glu[i] = glu<A>, t.activate[i] = activate<A>, ++i), ...);
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
  t.layer_norm = layer_norm;
  set_activations<Silu, Gelu, GeluErf, GeluQuick, Relu, ReluSquared, Limited>(t);
  t.add = add_vectors;
  t.scale = scale_row;
  t.rope = rope;
}

}  // namespace gantry::cpu::GANTRY_ISA
