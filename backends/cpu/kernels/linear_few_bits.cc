// One or two bits a value.
#include "backends/cpu/kernels/quantized.h"

namespace gantry::cpu::GANTRY_ISA {

void add_linear_few_bits(KernelTable& t) {
  t.linear[34] = quantized_linear<LayoutTQ2_0>;
  t.linear[35] = quantized_linear<LayoutTQ2_0>;
  t.linear[41] = quantized_linear<LayoutQ1_0>;
  t.linear[42] = quantized_linear<LayoutQ2_0>;
}

}  // namespace gantry::cpu::GANTRY_ISA
