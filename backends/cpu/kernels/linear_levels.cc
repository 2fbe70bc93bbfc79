// Four bits that choose one of sixteen uneven levels.
#include "backends/cpu/kernels/quantized.h"

namespace gantry::cpu::GANTRY_ISA {

void add_linear_levels(KernelTable& t) {
  linear_of(t, Dtype::kIQ4_NL) = quantized_linear<LayoutIQ4_NL>;
  linear_of(t, Dtype::kIQ4_XS) = quantized_linear<LayoutIQ4_XS>;
  linear_of(t, Dtype::kMXFP4) = quantized_linear<LayoutMXFP4>;
  linear_of(t, Dtype::kNVFP4) = quantized_linear<LayoutNVFP4>;
}

}  // namespace gantry::cpu::GANTRY_ISA
