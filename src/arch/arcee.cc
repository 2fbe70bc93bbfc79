// AFM (Arcee AI, "Arcee foundation models", 2025): Llama's shape with a plain MLP of squared ReLU.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_arcee(Header& header) {
  DenseRule rule;
  rule.rope = device::RopeOrder::kAdjacent;
  rule.mlp = DenseRule::Mlp::kPlain;
  rule.activation = device::Activation::kReluSquared;
  return read_dense(header, rule);
}

}  // namespace gantry::arch
