// Baichuan (Yang et al., "Baichuan 2: open large-scale language models", 2023): Llama's shape; the 13B
// models have positions by linear biases instead of a rotation. Files do not say which, the number of layers
// does.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_baichuan(Header& header) {
  constexpr uint32_t kLayersOfTheBiased = 40;
  constexpr float kBiasMax = 8;
  const Trunk trunk = read_trunk(header);
  const bool biased = trunk.layers == kLayersOfTheBiased;
  DenseRule rule;
  rule.rope = biased ? std::nullopt : std::optional(device::RopeOrder::kAdjacent);
  rule.own_output = true;
  Blueprint blueprint = read_dense(header, rule, trunk);
  if (biased) set_slopes(blueprint, kBiasMax);
  return blueprint;
}

}  // namespace gantry::arch
