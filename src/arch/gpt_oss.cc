// gpt-oss (OpenAI, "gpt-oss-120b & gpt-oss-20b model card", 2025): every second layer sees a window, each
// head has a sink, everything has biases; experts are weighed by a softmax over the chosen ones.
#include <utility>

#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_gpt_oss(Header& header) {
  const Trunk trunk = read_trunk(header);
  ExpertRule experts;
  experts.score = device::Routing::Score::kSoftmaxOfChosen;
  experts.normalise = false;
  experts.activation = device::Activation::kLimited;
  DenseRule rule;
  rule.ffn_norm = false;  // stands under another name
  rule.own_ffn = expert_layers(header, trunk, experts);
  Blueprint blueprint = read_dense(header, rule, trunk);
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec& spec, SoftmaxAttention& attention) {
    spec.ffn_norm = header.need_norm(trunk.norm, layer_tensor(layer, "post_attention_norm"), trunk.width);
    attention.sinks = header.need_vector(layer_tensor(layer, "attn_sinks.weight"), attention.heads);
  });
  RopeRule near = rope_rule(trunk, device::RopeOrder::kNeox);
  if (header.get_float("rope.freq_base_swa")) near.base_key = "rope.freq_base_swa";
  set_windows(blueprint, read_windows(header, trunk, 0, 2), [&] { return read_rope(header, near); });
  return blueprint;
}

}  // namespace gantry::arch
