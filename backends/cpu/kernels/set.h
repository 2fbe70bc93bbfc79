// The instruction set that this translation unit is compiled for, as the build says (GANTRY_SET_<NAME>): its
// namespace, its vectors, and the table to fill. Every file of this folder that is compiled for the sets
// comes here first; nothing else may.
#pragma once

#if defined(GANTRY_SET_AVX2)
#define GANTRY_ISA avx2
#elif defined(GANTRY_SET_AVX512)
#define GANTRY_ISA avx512
#elif defined(GANTRY_SET_AVX512VNNI)
#define GANTRY_ISA avx512vnni
#define GANTRY_VNNI
#else
#define GANTRY_ISA scalar
#define GANTRY_ROLLED
#endif

#if defined(GANTRY_ROLLED)
#define GANTRY_INLINE inline
#define GANTRY_INLINE_LAMBDA
#else
#define GANTRY_INLINE [[gnu::always_inline]] inline
#define GANTRY_INLINE_LAMBDA __attribute__((always_inline))
#endif

#include "backends/cpu/kernels/kernels.h"

// Included after what names the set.
#include "backends/cpu/kernels/unrolled.h"

#if defined(GANTRY_ROLLED)
#include "backends/cpu/kernels/vec_scalar.h"
#elif defined(GANTRY_SET_AVX2)
#include "backends/cpu/kernels/vec_avx2.h"
#else
#include "backends/cpu/kernels/vec_avx512.h"
#endif

namespace gantry::cpu::GANTRY_ISA {
#define GANTRY_PART(part) void add_##part(KernelTable& table);
GANTRY_INTEGER_PARTS
GANTRY_FLOAT_PARTS
#undef GANTRY_PART
}  // namespace gantry::cpu::GANTRY_ISA
