// Loops over a few vectors. Comes with set.h, which names the set first.
#pragma once

#include <cstdint>

namespace gantry::cpu::GANTRY_ISA {

template <uint32_t I>
struct Index {
  static constexpr uint32_t value = I;
};
// Calls function(Index<0>), ..., function(Index<N - 1>): a loop the compiler cannot leave rolled, so that
// arrays of vectors live in registers.
template <uint32_t N, uint32_t I = 0, typename Function>
GANTRY_INLINE void unrolled(Function&& function) {
  if constexpr (I < N) {
    function(Index<I>{});
    unrolled<N, I + 1>(function);
  }
}
#define GANTRY_LAMBDA(i) [&](auto i) GANTRY_INLINE_LAMBDA

// The same where the number need not be a constant; plain C++ has no registers to gain and compiles it as a
// loop.
#ifdef GANTRY_ROLLED
struct Counter {
  uint32_t value;
};
template <uint32_t N, typename Function>
GANTRY_INLINE void repeated(Function&& function) {
  for (uint32_t i = 0; i < N; ++i) function(Counter{i});
}
#else
template <uint32_t N, typename Function>
GANTRY_INLINE void repeated(Function&& function) {
  unrolled<N>(function);
}
#endif

}  // namespace gantry::cpu::GANTRY_ISA
