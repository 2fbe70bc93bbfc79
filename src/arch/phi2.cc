// Phi-1.5 and Phi-2 (Li et al., "Textbooks are all you need II: phi-1.5 technical report", 2023): attention
// and MLP side by side from one norm, biases everywhere, part of each head turns.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_phi2(Header& header) {
  DenseRule rule;
  rule.norm = device::NormKind::kLayer;
  rule.norm_bias = rule.linear_bias = rule.own_output = true;
  rule.ffn_norm = false;
  rule.mlp = DenseRule::Mlp::kPlain;
  rule.activation = device::Activation::kGelu;
  Blueprint blueprint = read_dense(header, rule);
  if (!blueprint.output->bias) blueprint.output->bias = header.need_vector("output.bias", blueprint.vocab);
  for (LayerSpec& layer : blueprint.layers) layer.parallel = true;
  return blueprint;
}

}  // namespace gantry::arch
