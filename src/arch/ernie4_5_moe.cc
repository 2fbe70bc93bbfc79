// ERNIE 4.5's mixtures (Baidu, "ERNIE 4.5 technical report", 2025): some dense layers first, then every
// step-th layer has experts, with a bias for the choice, and shared ones.
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_ernie4_5_moe(Header& header) {
  Trunk trunk = read_trunk(header);
  leave_out_nextn(header, trunk);
  ExpertRule experts;
  experts.selection_bias = true;
  experts.shared_hidden = header.get_uint("expert_shared_feed_forward_length", 0, kWidthMax).value_or(0);
  experts.dense_layers = header.get_uint("leading_dense_block_count", 0, kLayersMax).value_or(0);
  experts.step = header.need_uint("interleave_moe_layer_step", 1, kLayersMax);
  DenseRule rule{.rope = device::RopeOrder::kAdjacent};
  rule.own_ffn = expert_layers(header, trunk, experts);
  return read_dense(header, rule, trunk);
}

}  // namespace gantry::arch
