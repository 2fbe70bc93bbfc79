// Nemotron and Minitron (Parmar et al., "Nemotron-4 15B technical report", 2024): layer norms, a plain MLP
// with squared ReLU, part of each head turns.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_nemotron(Header& header) {
  DenseRule rule;
  rule.norm = device::NormKind::kLayer;
  rule.norm_bias = rule.own_output = true;
  rule.mlp = DenseRule::Mlp::kPlain;
  rule.activation = device::Activation::kReluSquared;
  return read_dense(header, rule);
}

}  // namespace gantry::arch
