// BLOOM (BigScience Workshop, "BLOOM: a 176B-parameter open-access multilingual language model", 2022):
// positions by linear biases, a norm after the embedding, layer norms, a plain MLP with GELU, biases
// everywhere.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_bloom(Header& header) {
  constexpr float kBiasMax = 8;
  DenseRule rule;
  rule.rope = std::nullopt;
  rule.norm = device::NormKind::kLayer;
  rule.norm_bias = rule.linear_bias = true;
  rule.mlp = DenseRule::Mlp::kPlain;
  rule.activation = device::Activation::kGelu;
  Trunk trunk = read_trunk(header, rule.norm);
  trunk.norm.needs_bias = true;
  Blueprint blueprint = read_dense(header, rule, trunk);
  blueprint.embedding_norm = header.need_norm(trunk.norm, "token_embd_norm", trunk.width);
  set_slopes(blueprint, kBiasMax);
  return blueprint;
}

}  // namespace gantry::arch
