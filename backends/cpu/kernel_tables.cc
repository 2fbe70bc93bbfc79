// The tables of the instruction sets, put together from their parts when first asked for: what fills them is
// compiled for the set and may run only where the processor has it.
#include "backends/cpu/kernels/kernels.h"

// GANTRY_SET(set, floats): a set that is built, and the one whose code for floats it takes.
#if GANTRY_HAS_AVX2
#define GANTRY_IF_AVX2(text) text
#else
#define GANTRY_IF_AVX2(text)
#endif
#if GANTRY_HAS_AVX512
#define GANTRY_IF_AVX512(text) text
#else
#define GANTRY_IF_AVX512(text)
#endif
#if GANTRY_HAS_AVX512VNNI
#define GANTRY_IF_AVX512VNNI(text) text
#else
#define GANTRY_IF_AVX512VNNI(text)
#endif
#define GANTRY_SETS                            \
  GANTRY_SET(scalar, scalar)                   \
  GANTRY_IF_AVX2(GANTRY_SET(avx2, avx2))       \
  GANTRY_IF_AVX512(GANTRY_SET(avx512, avx512)) \
  GANTRY_IF_AVX512VNNI(GANTRY_SET(avx512vnni, avx512))

#define GANTRY_PART(part) void add_##part(KernelTable& table);
#define GANTRY_SET(set, floats)   \
  namespace gantry::cpu::set {    \
  GANTRY_INTEGER_PARTS            \
  }                               \
  namespace gantry::cpu::floats { \
  GANTRY_FLOAT_PARTS              \
  }
GANTRY_SETS
#undef GANTRY_SET
#undef GANTRY_PART

#define GANTRY_PART(part) add_##part(table);
#define GANTRY_SET(set, floats)            \
  const KernelTable& set##_kernels() {     \
    static const KernelTable kTable = [] { \
      KernelTable table{};                 \
      {                                    \
        using namespace set;               \
        GANTRY_INTEGER_PARTS               \
      }                                    \
      {                                    \
        using namespace floats;            \
        GANTRY_FLOAT_PARTS                 \
      }                                    \
      return table;                        \
    }();                                   \
    return kTable;                         \
  }

namespace gantry::cpu {
GANTRY_SETS
}  // namespace gantry::cpu
