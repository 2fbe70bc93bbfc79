// Phi-3 and Phi-4 (Abdin et al., "Phi-3 technical report", 2024; "Phi-4 technical report", 2024): Llama's
// shape with fused matrices; long contexts turn by factors of their own. The window that some files name is
// not one the weights were published to need, and is not used.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_phi3(Header& header) {
  const Trunk trunk = read_trunk(header);
  DenseRule rule;
  rule.rope = std::nullopt;
  rule.mlp = DenseRule::Mlp::kFused;
  Blueprint blueprint = read_dense(header, rule, trunk);
  RopeRule turn = rope_rule(trunk, device::RopeOrder::kNeox);
  turn.long_factors = true;
  const auto rope = add_rope(blueprint, read_rope(header, turn));
  for_each_attention(blueprint,
                     [&](uint32_t, LayerSpec&, SoftmaxAttention& attention) { attention.rope = rope; });
  return blueprint;
}

}  // namespace gantry::arch
