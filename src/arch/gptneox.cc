// GPT-NeoX and Pythia (Black et al., "GPT-NeoX-20B: an open-source autoregressive language model", 2022):
// layer norms, a plain MLP with GELU, biases everywhere; attention and MLP side by side from norms of their
// own, unless the file says otherwise.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_gptneox(Header& header) {
  DenseRule rule;
  rule.norm = device::NormKind::kLayer;
  rule.norm_bias = rule.linear_bias = rule.own_output = true;
  rule.mlp = DenseRule::Mlp::kPlain;
  rule.activation = device::Activation::kGelu;
  Blueprint blueprint = read_dense(header, rule);
  const bool parallel = header.need_bool("use_parallel_residual");
  for (LayerSpec& layer : blueprint.layers) layer.parallel = parallel;
  return blueprint;
}

}  // namespace gantry::arch
