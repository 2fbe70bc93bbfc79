// The tables of the instruction sets, put together from their parts when first asked for: what fills them is
// compiled for the set and may run only where the processor has it.
#include "backends/cpu/kernels/kernels.h"

#if GANTRY_CPU_VECTORS
#define GANTRY_SETS  \
  GANTRY_SET(scalar) \
  GANTRY_SET(avx2)   \
  GANTRY_SET(avx512) \
  GANTRY_SET(avx512vnni)
#else
#define GANTRY_SETS GANTRY_SET(scalar)
#endif

#define GANTRY_PART(part) void add_##part(KernelTable& table);
#define GANTRY_SET(set)        \
  namespace gantry::cpu::set { \
  GANTRY_KERNEL_PARTS          \
  }
GANTRY_SETS
#undef GANTRY_SET
#undef GANTRY_PART

#define GANTRY_PART(part) add_##part(table);
#define GANTRY_SET(set)                    \
  const KernelTable& set##_kernels() {     \
    static const KernelTable kTable = [] { \
      using namespace set;                 \
      KernelTable table{};                 \
      GANTRY_KERNEL_PARTS                  \
      return table;                        \
    }();                                   \
    return kTable;                         \
  }

namespace gantry::cpu {
GANTRY_SETS
}  // namespace gantry::cpu
