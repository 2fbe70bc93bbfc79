// GPT-2 (Radford et al., "Language models are unsupervised multitask learners", 2019) and StarCoder (Li et
// al., "StarCoder: may the source be with you!", 2023), which is GPT-2 with one KV head: learned positions,
// layer norms, a plain MLP with GELU, biases everywhere.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_gpt2(Header& header) {
  DenseRule rule;
  rule.rope = std::nullopt;
  rule.norm = device::NormKind::kLayer;
  rule.norm_bias = rule.linear_bias = true;
  rule.mlp = DenseRule::Mlp::kPlain;
  rule.activation = device::Activation::kGelu;
  Blueprint blueprint = read_dense(header, rule);
  blueprint.position_embedding =
      header.need_matrix("position_embd.weight", blueprint.context_train, blueprint.width);
  return blueprint;
}

}  // namespace gantry::arch
