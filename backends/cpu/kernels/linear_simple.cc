// The simple formats: blocks of 32 values with a scale of their own.
#include "backends/cpu/kernels/quantized.h"

namespace gantry::cpu::GANTRY_ISA {

void add_linear_simple(KernelTable& t) {
  t.linear[2] = quantized_linear<LayoutQ4_0>;
  t.linear[3] = quantized_linear<LayoutQ4_1>;
  t.linear[6] = quantized_linear<LayoutQ5_0>;
  t.linear[7] = quantized_linear<LayoutQ5_1>;
  t.linear[8] = quantized_linear<LayoutQ8_0>;
}

}  // namespace gantry::cpu::GANTRY_ISA
