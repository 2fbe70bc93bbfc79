// StableLM 2 (Bellagente et al., "Stable LM 2 1.6B technical report", 2024): layer norms, part of each head
// turns. The 12B model norms each head with weights of its own and has no second norm: attention and MLP
// stand side by side.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_stablelm(Header& header) {
  const Trunk trunk = read_trunk(header, device::NormKind::kLayer);
  DenseRule rule;
  rule.norm_bias = rule.own_output = true;
  rule.ffn_norm = false;
  Blueprint blueprint = read_dense(header, rule, trunk);
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec& spec, SoftmaxAttention& attention) {
    attention.q_norm =
        header.find_norm(trunk.norm, layer_tensor(layer, "attn_q_norm"), trunk.key_dim, attention.heads);
    attention.k_norm =
        header.find_norm(trunk.norm, layer_tensor(layer, "attn_k_norm"), trunk.key_dim, attention.kv_heads);
    spec.ffn_norm = header.find_norm(trunk.norm, layer_tensor(layer, "ffn_norm"), trunk.width);
    spec.parallel = !spec.ffn_norm;
  });
  return blueprint;
}

}  // namespace gantry::arch
