// The K formats: super-blocks of 256 values.
#include "backends/cpu/kernels/quantized.h"

namespace gantry::cpu::GANTRY_ISA {

void add_linear_super(KernelTable& t) {
  t.linear[10] = quantized_linear<LayoutQ2_K>;
  t.linear[11] = quantized_linear<LayoutQ3_K>;
  t.linear[12] = quantized_linear<LayoutQ4_K>;
  t.linear[13] = quantized_linear<LayoutQ5_K>;
  t.linear[14] = quantized_linear<LayoutQ6_K>;
}

}  // namespace gantry::cpu::GANTRY_ISA
