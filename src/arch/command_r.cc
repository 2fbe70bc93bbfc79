// Command R and R+ (Cohere, 2024) and Command R7B (Cohere 2, 2024; "Command A", 2025): attention and MLP
// side by side from one layer norm without bias, logits scaled. R+ norms each head with weights of its own;
// Cohere 2 has three layers with a window for one without, which does not turn.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

namespace {

Blueprint read_parallel(Header& header, const Trunk& trunk) {
  DenseRule rule;
  rule.rope = device::RopeOrder::kAdjacent;
  rule.ffn_norm = false;
  Blueprint blueprint = read_dense(header, rule, trunk);
  for (LayerSpec& layer : blueprint.layers) layer.parallel = true;
  const double scale = header.need_float("logit_scale");
  blueprint.logit_scale = scale == 0 ? 1.0f : static_cast<float>(scale);
  return blueprint;
}

}  // namespace

Blueprint read_command_r(Header& header) {
  const Trunk trunk = read_trunk(header, device::NormKind::kLayer);
  Blueprint blueprint = read_parallel(header, trunk);
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec&, SoftmaxAttention& attention) {
    attention.q_norm =
        header.find_norm(trunk.norm, layer_tensor(layer, "attn_q_norm"), trunk.key_dim, attention.heads);
    attention.k_norm =
        header.find_norm(trunk.norm, layer_tensor(layer, "attn_k_norm"), trunk.key_dim, attention.kv_heads);
  });
  return blueprint;
}

Blueprint read_cohere2(Header& header) {
  const Trunk trunk = read_trunk(header, device::NormKind::kLayer);
  Blueprint blueprint = read_parallel(header, trunk);
  header.need_uint("attention.sliding_window", 0, kContextMax);
  const Windows windows = read_windows(header, trunk, 0, 4);
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec&, SoftmaxAttention& attention) {
    attention.window = windows.windowed[layer] ? windows.window : 0;
    if (!windows.windowed[layer]) attention.rope.reset();
  });
  return blueprint;
}

}  // namespace gantry::arch
