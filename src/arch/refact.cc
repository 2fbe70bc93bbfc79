// Refact (Refact AI, "Refact LLM: new 1.6B code model", 2023): Llama's shape with positions by linear
// biases.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_refact(Header& header) {
  constexpr float kBiasMax = 8;
  Blueprint blueprint = read_dense(header, {.rope = std::nullopt});
  set_slopes(blueprint, kBiasMax);
  return blueprint;
}

}  // namespace gantry::arch
