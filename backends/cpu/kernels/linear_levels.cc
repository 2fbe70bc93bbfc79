// Four bits that choose one of sixteen uneven levels.
#include "backends/cpu/kernels/quantized.h"

namespace gantry::cpu::GANTRY_ISA {

void add_linear_levels(KernelTable& t) {
  t.linear[20] = quantized_linear<LayoutIQ4_NL>;
  t.linear[23] = quantized_linear<LayoutIQ4_XS>;
  t.linear[39] = quantized_linear<LayoutMXFP4>;
  t.linear[40] = quantized_linear<LayoutNVFP4>;
}

}  // namespace gantry::cpu::GANTRY_ISA
