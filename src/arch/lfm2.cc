// LFM2 (Liquid AI, 2025): gated short convolutions, and attention in the layers that have KV heads. The last
// norm carries the embedding's name.
#include "arch/dense.h"
#include "arch/families.h"
#include "arch/recurrent.h"

namespace gantry::arch {
namespace {

LayerSpec read_layer(Header& header, const Trunk& trunk, uint32_t layer, std::optional<uint32_t> rope,
                     uint32_t taps, uint32_t window) {
  LayerSpec spec;
  spec.mixer_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_norm"), trunk.width);
  if (trunk.kv_heads[layer] == 0) {
    spec.mixer = read_short_conv(header, taps, layer, trunk.width);
  } else {
    SoftmaxAttention attention = read_attention(header, trunk, layer, rope);
    attention.q_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_q_norm"), trunk.key_dim);
    attention.k_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_k_norm"), trunk.key_dim);
    attention.window = window;
    spec.mixer = std::move(attention);
  }
  spec.ffn_norm = header.need_norm(trunk.norm, layer_tensor(layer, "ffn_norm"), trunk.width);
  spec.ffn = read_gated_mlp(header, trunk, layer, device::Activation::kSilu);
  return spec;
}

}  // namespace

Blueprint read_lfm2(Header& header) {
  const Trunk trunk = read_hybrid_trunk(header);
  Blueprint blueprint = read_shell(header, trunk, "token_embd_norm");
  const std::optional<uint32_t> rope =
      add_rope(blueprint, read_rope(header, rope_rule(trunk, device::RopeOrder::kNeox)));
  const uint32_t taps = header.need_uint("shortconv.l_cache", 1, device::kConvTapsMax);
  const uint32_t window = header.get_uint("attention.sliding_window", 0, kContextMax).value_or(0);
  for (uint32_t layer = 0; layer < trunk.layers; ++layer)
    blueprint.layers.push_back(read_layer(header, trunk, layer, rope, taps, window));
  return blueprint;
}

}  // namespace gantry::arch
