// The K formats: super-blocks of 256 values.
#include "backends/cpu/kernels/quantized.h"

namespace gantry::cpu::GANTRY_ISA {

void add_linear_super(KernelTable& t) {
  linear_of(t, Dtype::kQ2_K) = quantized_linear<LayoutQ2_K>;
  linear_of(t, Dtype::kQ3_K) = quantized_linear<LayoutQ3_K>;
  linear_of(t, Dtype::kQ4_K) = quantized_linear<LayoutQ4_K>;
  linear_of(t, Dtype::kQ5_K) = quantized_linear<LayoutQ5_K>;
  linear_of(t, Dtype::kQ6_K) = quantized_linear<LayoutQ6_K>;
}

}  // namespace gantry::cpu::GANTRY_ISA
