// The simple formats: blocks of 32 values with a scale of their own.
#include "backends/cpu/kernels/quantized.h"

namespace gantry::cpu::GANTRY_ISA {

void add_linear_simple(KernelTable& t) {
  linear_of(t, Dtype::kQ4_0) = quantized_linear<LayoutQ4_0>;
  linear_of(t, Dtype::kQ4_1) = quantized_linear<LayoutQ4_1>;
  linear_of(t, Dtype::kQ5_0) = quantized_linear<LayoutQ5_0>;
  linear_of(t, Dtype::kQ5_1) = quantized_linear<LayoutQ5_1>;
  linear_of(t, Dtype::kQ8_0) = quantized_linear<LayoutQ8_0>;
}

}  // namespace gantry::cpu::GANTRY_ISA
