// StarCoder 2 (Lozhkov et al., "StarCoder 2 and The Stack v2: the next generation", 2024) and CodeShell (Xie
// et al., "CodeShell technical report", 2024): layer norms, a plain MLP with GELU, biases everywhere.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_starcoder2(Header& header) {
  DenseRule rule;
  rule.norm = device::NormKind::kLayer;
  rule.norm_bias = rule.linear_bias = true;
  rule.mlp = DenseRule::Mlp::kPlain;
  rule.activation = device::Activation::kGelu;
  return read_dense(header, rule);
}

}  // namespace gantry::arch
