// GLM-4.5 and later (GLM-4.5 Team, "GLM-4.5: agentic, reasoning, and coding foundation models", 2025): a few
// dense layers, then experts scored by sigmoids with a bias for the choice, and shared ones; heads may be
// normed.
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_glm4moe(Header& header) {
  Trunk trunk = read_trunk(header);
  leave_out_nextn(header, trunk);
  ExpertRule experts;
  experts.score = device::Routing::Score::kSigmoid;
  experts.score_key = true;
  experts.normalise = false;
  experts.normalise_key = true;
  experts.selection_bias = true;
  experts.hidden = ExpertRule::Hidden::kPart;
  experts.dense_layers = header.get_uint("leading_dense_block_count", 0, kLayersMax).value_or(0);
  const uint32_t shared = header.need_uint("expert_shared_count", 0, device::kExpertsMax);
  experts.shared_hidden = shared_hidden(header, trunk, experts, shared);
  DenseRule rule;
  rule.rope = std::nullopt;
  rule.ffn_norm = false;  // stands under another name
  rule.own_ffn = expert_layers(header, trunk, experts);
  Blueprint blueprint = read_dense(header, rule, trunk);
  RopeRule turn = rope_rule(trunk, device::RopeOrder::kNeox);
  turn.sections = true;
  const auto rope = add_rope(blueprint, read_rope(header, turn));
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec& spec, SoftmaxAttention& attention) {
    spec.ffn_norm = header.need_norm(trunk.norm, layer_tensor(layer, "post_attention_norm"), trunk.width);
    attention.q_norm = header.find_norm(trunk.norm, layer_tensor(layer, "attn_q_norm"), attention.key_dim);
    attention.k_norm = header.find_norm(trunk.norm, layer_tensor(layer, "attn_k_norm"), attention.key_dim);
    attention.rope = rope;
  });
  return blueprint;
}

}  // namespace gantry::arch
