// MPT (MosaicML NLP Team, "Introducing MPT-7B", 2023): positions by linear biases or learned, layer norms
// mostly without bias, a plain MLP with GELU; some models keep q, k and v within bounds or norm them.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_mpt(Header& header) {
  DenseRule rule;
  rule.rope = std::nullopt;
  rule.norm = device::NormKind::kLayer;
  rule.mlp = DenseRule::Mlp::kPlain;
  rule.activation = device::Activation::kGelu;
  const Trunk trunk = read_trunk(header, rule.norm);
  Blueprint blueprint = read_dense(header, rule, trunk);
  blueprint.position_embedding = header.find_matrix("position_embd.weight", trunk.context, trunk.width);
  const float clamp = read_clamp(header);
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec&, SoftmaxAttention& attention) {
    attention.clamp = clamp;
    attention.q_norm =
        header.find_norm(trunk.norm, layer_tensor(layer, "attn_q_norm"), attention.heads * trunk.key_dim);
    attention.k_norm =
        header.find_norm(trunk.norm, layer_tensor(layer, "attn_k_norm"), attention.kv_heads * trunk.key_dim);
  });
  set_slopes(blueprint, static_cast<float>(header.need_float("attention.max_alibi_bias")));
  return blueprint;
}

}  // namespace gantry::arch
