// Phi-3 and Phi-4 (Abdin et al., "Phi-3 technical report", 2024; "Phi-4 technical report", 2024): Llama's
// shape with fused matrices; long contexts turn by factors of their own. Phi-3's models of 4k see a window in
// every layer, as their published code does, and lose the thread beyond it without; files say 0 for none.
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
  const uint32_t window = header.get_uint("attention.sliding_window", 0, kContextMax).value_or(0);
  for_each_attention(blueprint, [&](uint32_t, LayerSpec&, SoftmaxAttention& attention) {
    attention.rope = rope;
    attention.window = window;
  });
  return blueprint;
}

}  // namespace gantry::arch
