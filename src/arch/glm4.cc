// GLM-4-0414 (Z.ai, 2025; GLM Team, "ChatGLM: a family of large language models from GLM-130B to GLM-4 all
// tools", 2024): Llama's shape with gate and up fused and norms after attention and MLP as well. Files of
// the model that also sees divide the turning pairs in sections.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_glm4(Header& header) {
  const Trunk trunk = read_trunk(header);
  DenseRule rule;
  rule.rope = std::nullopt;
  rule.mlp = DenseRule::Mlp::kFused;
  Blueprint blueprint = read_dense(header, rule, trunk);
  read_post_norms(header, trunk, blueprint);
  const bool sections = read_rope_sections(header).has_value();
  RopeRule turn = rope_rule(trunk, sections ? device::RopeOrder::kNeox : device::RopeOrder::kAdjacent);
  turn.sections = sections;
  const auto rope = add_rope(blueprint, read_rope(header, turn));
  for_each_attention(blueprint,
                     [&](uint32_t, LayerSpec&, SoftmaxAttention& attention) { attention.rope = rope; });
  return blueprint;
}

}  // namespace gantry::arch
