// What mixtures of experts add: a router's values, and the sum of what the experts made.
#include "backends/cpu/kernels/exp.h"
#include "backends/cpu/kernels/set.h"

namespace gantry::cpu::GANTRY_ISA {
namespace {

// e[i] = exp(x[i] - greatest); lane j sums the elements j, j + 16, ...; then the halving tree; e * (1 / sum).
void softmax_row(const float* x, uint32_t count, float* out) {
  F32 most = broadcast(-__builtin_inff());
  for (uint32_t i = 0; i < count; i += 16) {
    const uint32_t n = count - i < 16 ? count - i : 16;
    most = max(keep_first(load_first(x + i, n), n, most), most);
  }
  const F32 greatest = broadcast(reduce_max(most)), zero = broadcast(0.0f);
  F32 sums = zero;
  for (uint32_t i = 0; i < count; i += 16) {
    const uint32_t n = count - i < 16 ? count - i : 16;
    const F32 e = keep_first(exp(sub(load_first(x + i, n), greatest)), n, zero);
    sums = add(sums, e);
    store_first(out + i, e, n);
  }
  const F32 inverse = broadcast(1.0f / reduce_add(sums));
  for (uint32_t i = 0; i < count; i += 16) {
    const uint32_t n = count - i < 16 ? count - i : 16;
    store_first(out + i, mul(load_first(out + i, n), inverse), n);
  }
}

void sigmoid_row(const float* x, uint32_t count, float* out) {
  const F32 one = broadcast(1.0f);
  for (uint32_t i = 0; i < count; i += 16) {
    const uint32_t n = count - i < 16 ? count - i : 16;
    const F32 e = exp(sub(broadcast(0.0f), load_first(x + i, n)));
    store_first(out + i, div(one, add(one, e)), n);
  }
}

void combine(const float* y, uint64_t y_stride, const int32_t* places, const float* weights, uint32_t slots,
             uint32_t cols, bool accumulate, float* out) {
  for (uint32_t i = 0; i < cols; i += 16) {
    const uint32_t n = cols - i < 16 ? cols - i : 16;
    F32 sum = broadcast(0.0f);
    for (uint32_t s = 0; s < slots; ++s) {
      const float* from = y + static_cast<uint32_t>(places[s]) * y_stride + i;
      const F32 values = n == 16 ? load(from) : load_first(from, n);
      sum = s == 0 ? mul(values, broadcast(weights[s])) : fma(values, broadcast(weights[s]), sum);
    }
    if (accumulate) sum = add(load_first(out + i, n), sum);
    store_first(out + i, sum, n);
  }
}

}  // namespace

void add_experts(KernelTable& t) {
  t.softmax = softmax_row;
  t.sigmoid = sigmoid_row;
  t.combine = combine;
}

}  // namespace gantry::cpu::GANTRY_ISA
