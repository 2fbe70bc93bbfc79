// One or two bits a value.
#include "backends/cpu/kernels/quantized.h"

namespace gantry::cpu::GANTRY_ISA {

void add_linear_few_bits(KernelTable& t) {
  linear_of(t, Dtype::kTQ1_0) = quantized_linear<LayoutTQ2_0>;
  linear_of(t, Dtype::kTQ2_0) = quantized_linear<LayoutTQ2_0>;
  linear_of(t, Dtype::kQ1_0) = quantized_linear<LayoutQ1_0>;
  linear_of(t, Dtype::kQ2_0) = quantized_linear<LayoutQ2_0>;
}

}  // namespace gantry::cpu::GANTRY_ISA
