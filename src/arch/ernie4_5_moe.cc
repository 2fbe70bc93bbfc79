// ERNIE 4.5's mixtures (Baidu, "ERNIE 4.5 technical report", 2025): some dense layers first, then every
// step-th layer has experts, with a bias for the choice, and shared ones.
#include <optional>

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
  // Files hold experts in every layer after the dense ones. Those that the step passes over are run, by the
  // programs that such files are made for, as if their matrices were not there.
  rule.own_ffn = [&, experts](uint32_t layer) -> std::optional<Ffn> {
    if (layer < experts.dense_layers || header.has(layer_tensor(layer, "ffn_up.weight"))) return std::nullopt;
    ExpertMlp mlp = read_expert_mlp(header, trunk, layer, experts);
    if (!experts.in_layer(layer)) return ActivationOnly{experts.activation};
    return mlp;
  };
  Blueprint blueprint = read_dense(header, rule, trunk);
  for_each_attention(blueprint, [](uint32_t, LayerSpec&, SoftmaxAttention& attention) {
    attention.out.bias.reset();  // published models have none; of files that do, it is not used
  });
  return blueprint;
}

}  // namespace gantry::arch
