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
  DenseRule rule{.rope = device::RopeOrder::kAdjacent};
  // The step was meant to say which layers have experts; what the file holds says so.
  rule.own_ffn = [&, experts](uint32_t layer) -> std::optional<Ffn> {
    if (layer < experts.dense_layers || header.has(layer_tensor(layer, "ffn_up.weight"))) return std::nullopt;
    return read_expert_mlp(header, trunk, layer, experts);
  };
  return read_dense(header, rule, trunk);
}

}  // namespace gantry::arch
