// OLMo 2 (OLMo Team, "2 OLMo 2 Furious", 2024) and OLMo 3 (2025): norms stand after attention and MLP, none
// before; queries and keys are normed over all heads at once; in OLMo 3 three of four layers see a window
// and turn without scaling.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_olmo2(Header& header) {
  const Trunk trunk = read_trunk(header);
  DenseRule rule;
  rule.mixer_norm = rule.ffn_norm = false;
  rule.own_output = true;
  Blueprint blueprint = read_dense(header, rule, trunk);
  read_post_norms(header, trunk, blueprint);
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec&, SoftmaxAttention& attention) {
    attention.q_norm =
        header.need_norm(trunk.norm, layer_tensor(layer, "attn_q_norm"), attention.heads * trunk.key_dim);
    attention.k_norm =
        header.need_norm(trunk.norm, layer_tensor(layer, "attn_k_norm"), attention.kv_heads * trunk.key_dim);
  });
  RopeRule near = rope_rule(trunk, device::RopeOrder::kNeox);
  near.scaled = false;
  set_windows(blueprint, read_windows(header, trunk, 0, 4), [&] { return read_rope(header, near); });
  return blueprint;
}

}  // namespace gantry::arch
