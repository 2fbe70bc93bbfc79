// Qwen3.5 (Qwen team, 2025-2026): layers with the gated delta rule, and now and then one of attention whose
// result is gated, query and gate of a head side by side in one matrix. Rotations in sections; a text's
// sections have all the same position.
#include "arch/dense.h"
#include "arch/families.h"
#include "arch/recurrent.h"

namespace gantry::arch {
namespace {

// Which layers are recurrent: named one by one, or all but every n-th.
std::vector<bool> recurrent_layers(const Header& header, uint32_t layers) {
  std::vector<bool> recurrent(layers);
  const auto named = header.get_per_layer("attention.recurrent_layers", layers, 0, 1);
  const uint32_t every = header.get_uint("full_attention_interval", 1, kLayersMax).value_or(4);
  for (uint32_t layer = 0; layer < layers; ++layer)
    recurrent[layer] = named ? (*named)[layer] != 0 : (layer + 1) % every != 0;
  return recurrent;
}

SoftmaxAttention read_gated_attention(Header& header, const Trunk& trunk, uint32_t layer,
                                      std::optional<uint32_t> rope) {
  if (trunk.kv_heads[layer] == 0 || trunk.key_dim != trunk.value_dim)
    header.refuse("attention.value_length",
                  "the layers that attend need heads with keys and values of one length");
  SoftmaxAttention attention = read_attention(header, trunk, layer, rope, true);
  read_head_norms(header, trunk, layer, attention);
  return attention;
}

}  // namespace

Blueprint read_qwen35(Header& header) {
  const Trunk trunk = read_hybrid_trunk(header);
  // Further blocks predict tokens ahead; they are not part of the main pass.
  const uint32_t ahead = header.get_uint("nextn_predict_layers", 0, trunk.layers - 1).value_or(0);
  const uint32_t layers = trunk.layers - ahead;
  const SsmNumbers numbers = read_ssm(header);
  const std::vector<bool> recurrent = recurrent_layers(header, trunk.layers);
  Blueprint blueprint = read_shell(header, trunk);
  RopeRule rule = rope_rule(trunk, device::RopeOrder::kNeox);
  rule.sections = true;
  std::optional<uint32_t> rope;
  if (has_attention(trunk)) rope = add_rope(blueprint, read_rope(header, rule));
  for (uint32_t layer = 0; layer < layers; ++layer) {
    LayerSpec spec;
    spec.mixer_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_norm"), trunk.width);
    if (recurrent[layer]) {
      spec.mixer = read_gated_delta(header, numbers, trunk.norm, layer, trunk.width);
    } else {
      spec.mixer = read_gated_attention(header, trunk, layer, rope);
    }
    spec.ffn_norm = header.need_norm(trunk.norm, layer_tensor(layer, "post_attention_norm"), trunk.width);
    spec.ffn = read_gated_mlp(header, trunk, layer, device::Activation::kSilu);
    blueprint.layers.push_back(std::move(spec));
  }
  return blueprint;
}

}  // namespace gantry::arch
