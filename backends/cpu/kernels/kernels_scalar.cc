// Plain C++: the definition.
#define GANTRY_ISA scalar
#define GANTRY_INLINE inline
#define GANTRY_INLINE_LAMBDA
#define GANTRY_ROLLED

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/vec_scalar.h"
// What is built of the vectors:
#include "backends/cpu/kernels/attention.inc"
#include "backends/cpu/kernels/linear.inc"
#include "backends/cpu/kernels/rows.inc"
// Uses what the ones above define:
#include "backends/cpu/kernels/experts.inc"
// And the table of it all:
#include "backends/cpu/kernels/table.inc"

namespace gantry::cpu {
const KernelTable& scalar_kernels() { return scalar::table(); }
}  // namespace gantry::cpu
