// The tables of the instruction sets, put together from their parts when first asked for: what fills them is
// compiled for the set and may run only where the processor has it.
#include "backends/cpu/kernels/kernels.h"

#define GANTRY_PART(part) void add_##part(KernelTable& table);
namespace gantry::cpu::scalar {
GANTRY_KERNEL_PARTS
}
namespace gantry::cpu::avx2 {
GANTRY_KERNEL_PARTS
}
namespace gantry::cpu::avx512 {
GANTRY_KERNEL_PARTS
}
namespace gantry::cpu::avx512vnni {
GANTRY_KERNEL_PARTS
}
#undef GANTRY_PART

#define GANTRY_PART(part) add_##part(table);
#define GANTRY_TABLE(set)                  \
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
GANTRY_TABLE(scalar)
GANTRY_TABLE(avx2)
GANTRY_TABLE(avx512)
GANTRY_TABLE(avx512vnni)
}  // namespace gantry::cpu
