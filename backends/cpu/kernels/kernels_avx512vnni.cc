// AVX-512 with VNNI.
#define GANTRY_VNNI
#define GANTRY_ISA avx512vnni
#define GANTRY_INLINE [[gnu::always_inline]] inline
#define GANTRY_INLINE_LAMBDA __attribute__((always_inline))

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/vec_avx512.h"
// What is built of the vectors:
#include "backends/cpu/kernels/attention.inc"
#include "backends/cpu/kernels/linear.inc"
#include "backends/cpu/kernels/rows.inc"
// Uses what the ones above define:
#include "backends/cpu/kernels/experts.inc"
// And the table of it all:
#include "backends/cpu/kernels/table.inc"

namespace gantry::cpu {
const KernelTable& avx512vnni_kernels() { return avx512vnni::table(); }
}  // namespace gantry::cpu
