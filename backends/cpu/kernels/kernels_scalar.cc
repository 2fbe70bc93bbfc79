// Plain C++: the definition.
#define GANTRY_ISA scalar
#define GANTRY_INLINE [[gnu::always_inline]] inline

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/vec_scalar.h"
// After the vectors:
#include "backends/cpu/kernels/attention.inc"
#include "backends/cpu/kernels/linear.inc"
#include "backends/cpu/kernels/rows.inc"
#include "backends/cpu/kernels/table.inc"

namespace gantry::cpu {
const KernelTable& scalar_kernels() { return scalar::table(); }
}  // namespace gantry::cpu
