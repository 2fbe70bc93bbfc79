// SmolLM3 (Hugging Face, "SmolLM3: smol, multilingual, long-context reasoner", 2025): Llama's shape; every
// fourth layer does not turn (Yang et al., "Rope to nope and back again", 2025).
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_smollm3(Header& header) {
  constexpr uint32_t kPeriod = 4;
  Blueprint blueprint = read_dense(header, {.rope = device::RopeOrder::kAdjacent});
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec&, SoftmaxAttention& attention) {
    if ((layer + 1) % kPeriod == 0) attention.rope.reset();
  });
  return blueprint;
}

}  // namespace gantry::arch
