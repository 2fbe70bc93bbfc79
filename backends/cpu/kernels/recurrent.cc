// Recurrent layers: short convolution, selective scan, gated delta rule, and the norms and gates around them.
// A task holds a part of one sequence's state and takes the sequence's rows one after the other; no number
// depends on how many of them there are.
#include "backends/cpu/kernels/set.h"
// Over the vectors:
#include "backends/cpu/kernels/exp.h"
#include "backends/cpu/kernels/gates.h"
#include "backends/cpu/kernels/lanes.h"

namespace gantry::cpu::GANTRY_ISA {
namespace {

uint32_t lanes_left(uint32_t first, uint32_t count) { return count - first < 16 ? count - first : 16; }

// A lane is a channel. The taps are summed from the oldest input to the newest, then the bias.
void short_conv(const ConvJob& job, uint32_t channel) {
  const uint32_t n = lanes_left(channel, job.channels), past = job.taps - 1;
  F32 weight[kConvTaps], window[kConvTaps];
  for (uint32_t tap = 0; tap < job.taps; ++tap) {
    float lanes[16] = {};
    for (uint32_t i = 0; i < n; ++i) lanes[i] = job.weight[uint64_t{channel + i} * job.taps + tap];
    weight[tap] = load(lanes);
  }
  float* state = job.state + channel;
  for (uint32_t tap = 0; tap < past; ++tap) window[tap] = load_first(state + uint64_t{tap} * job.channels, n);
  const F32 bias = job.bias != nullptr ? load_first(job.bias + channel, n) : broadcast(0.0f);
  for (uint32_t row = 0; row < job.rows; ++row) {
    window[past] = load_first(job.x + row * job.x_stride + channel, n);
    F32 sum = mul(window[0], weight[0]);
    for (uint32_t tap = 1; tap < job.taps; ++tap) sum = fma(window[tap], weight[tap], sum);
    for (uint32_t tap = 0; tap < past; ++tap) window[tap] = window[tap + 1];
    sum = add(sum, bias);
    if (job.silu) sum = mul(sum, sigmoid(sum));
    store_first(job.out + row * job.out_stride + channel, sum, n);
  }
  for (uint32_t tap = 0; tap < past; ++tap) store_first(state + uint64_t{tap} * job.channels, window[tap], n);
}

// N values of the head at one position. A lane is an element of the state, lanes are summed by the tree.
template <uint32_t N>
GANTRY_INLINE void scan_values(const ScanJob& job, uint64_t row, uint32_t value, F32 dt, F32 decay) {
  const float* x = job.x + row * job.x_stride + value;
  const float* b = job.b + row * job.bc_stride;
  const float* c = job.c + row * job.bc_stride;
  float* state = job.state + uint64_t{value} * job.state_dim;
  F32 input[N], sum[N];
  for (uint32_t v = 0; v < N; ++v) {
    input[v] = mul(broadcast(x[v]), dt);
    sum[v] = broadcast(0.0f);
  }
  for (uint32_t i = 0; i < job.state_dim; i += 16) {
    const uint32_t n = lanes_left(i, job.state_dim);
    const F32 in = load_first(b + i, n), out = load_first(c + i, n);
    for (uint32_t v = 0; v < N; ++v) {
      float* at = state + uint64_t{v} * job.state_dim + i;
      const F32 next = fma(in, input[v], mul(load_first(at, n), decay));
      store_first(at, next, n);
      sum[v] = fma(next, out, sum[v]);
    }
  }
  float* out = job.out + row * job.out_stride + value;
  for (uint32_t v = 0; v < N; ++v) {
    const float skip = x[v] * job.d;
    out[v] = reduce_add(sum[v]) + skip;
  }
}

void selective_scan(const ScanJob& job, uint32_t first, uint32_t end) {
  for (uint32_t row = 0; row < job.rows; ++row) {
    const F32 dt = softplus(broadcast(job.dt[row * job.dt_stride] + job.dt_bias));
    const F32 decay = exp(mul(dt, broadcast(job.a)));
    uint32_t value = first;
    for (; value + 4 <= end; value += 4) scan_values<4>(job, row, value, dt, decay);
    for (; value < end; ++value) scan_values<1>(job, row, value, dt, decay);
  }
}

// Four sums in turn, so that no one waits for itself: ((0 + 2) + (1 + 3)).
GANTRY_INLINE F32 sum_of_four(const F32* sums) { return add(add(sums[0], sums[2]), add(sums[1], sums[3])); }

// A lane is a value; its column of the state is held close by for all rows.
void gated_delta(const DeltaJob& job, uint32_t value) {
  const uint32_t n = lanes_left(value, job.value_dim);
  alignas(64) float columns[kDeltaKeys * 16];
  float* state = job.state + value;
  for (uint32_t key = 0; key < job.key_dim; ++key)
    store(columns + 16 * key, load_first(state + uint64_t{key} * job.value_dim, n));
  for (uint32_t row = 0; row < job.rows; ++row) {
    const float* q = job.q + row * job.qk_stride;
    const float* k = job.k + row * job.qk_stride;
    const F32 dt = softplus(broadcast(job.alpha[row * job.alpha_stride] + job.dt_bias));
    const F32 decay = exp(mul(broadcast(job.a), dt));
    const F32 weight = sigmoid(broadcast(job.beta[row * job.beta_stride]));
    F32 known[4] = {broadcast(0.0f), broadcast(0.0f), broadcast(0.0f), broadcast(0.0f)};
    F32 sums[4] = {broadcast(0.0f), broadcast(0.0f), broadcast(0.0f), broadcast(0.0f)};
    uint32_t key = 0;
    const auto fade = [&](uint32_t at, F32& sum) {
      const F32 faded = mul(load(columns + 16 * at), decay);
      store(columns + 16 * at, faded);
      sum = fma(faded, broadcast(k[at]), sum);
    };
    for (; key + 4 <= job.key_dim; key += 4)
      for (uint32_t i = 0; i < 4; ++i) fade(key + i, known[i]);
    for (; key < job.key_dim; ++key) fade(key, known[0]);
    const F32 wanted = load_first(job.v + row * job.v_stride + value, n);
    const F32 change = mul(sub(wanted, sum_of_four(known)), weight);
    const auto learn = [&](uint32_t at, F32& sum) {
      const F32 next = fma(change, broadcast(k[at]), load(columns + 16 * at));
      store(columns + 16 * at, next);
      sum = fma(next, broadcast(q[at]), sum);
    };
    for (key = 0; key + 4 <= job.key_dim; key += 4)
      for (uint32_t i = 0; i < 4; ++i) learn(key + i, sums[i]);
    for (; key < job.key_dim; ++key) learn(key, sums[0]);
    store_first(job.out + row * job.out_stride + value, sum_of_four(sums), n);
  }
  for (uint32_t key = 0; key < job.key_dim; ++key)
    store_first(state + uint64_t{key} * job.value_dim, load(columns + 16 * key), n);
}

void l2_norm(const float* x, float eps, float scale, uint32_t cols, float* out) {
  const float squares = sum_in_lanes(cols, [&](F32 sum, uint32_t i, uint32_t n) GANTRY_INLINE_LAMBDA {
    const F32 v = load_first(x + i, n);
    return fma(v, v, sum);
  });
  const float length = __builtin_sqrtf(squares);
  const F32 factor = broadcast(scale / (length > eps ? length : eps));
  for (uint32_t i = 0; i < cols; i += 16) {
    const uint32_t n = lanes_left(i, cols);
    store_first(out + i, mul(load_first(x + i, n), factor), n);
  }
}

void gate(const float* x, const float* gate, bool smooth, uint32_t count, float* out) {
  for (uint32_t i = 0; i < count; i += 16) {
    const uint32_t n = lanes_left(i, count);
    const F32 by = load_first(gate + i, n);
    store_first(out + i, mul(load_first(x + i, n), smooth ? sigmoid(by) : by), n);
  }
}

}  // namespace

void add_recurrent(KernelTable& t) {
  t.short_conv = short_conv;
  t.selective_scan = selective_scan;
  t.gated_delta = gated_delta;
  t.l2_norm = l2_norm;
  t.gate = gate;
}

}  // namespace gantry::cpu::GANTRY_ISA
