// MiniMax-M2 (MiniMax, 2025): queries and keys are normed over all heads at once, a part of each head turns;
// experts scored by sigmoids with a bias for the choice.
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_minimax_m2(Header& header) {
  Trunk trunk = read_trunk(header);
  leave_out_nextn(header, trunk);
  ExpertRule experts;
  experts.score = device::Routing::Score::kSigmoid;
  experts.score_key = true;
  experts.selection_bias = true;
  DenseRule rule;
  rule.own_ffn = expert_layers(header, trunk, experts);
  Blueprint blueprint = read_dense(header, rule, trunk);
  read_whole_norms(header, trunk, blueprint);
  return blueprint;
}

}  // namespace gantry::arch
