// LFM2 (Liquid AI, 2025): gated short convolutions, and attention in the layers that have KV heads. The last
// norm carries the embedding's name. LFM2-MoE: after a few dense layers experts scored by sigmoids.
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"
#include "arch/recurrent.h"
#include "device/recurrent_ops.h"

namespace gantry::arch {
namespace {

// What the layers of one file have in common.
struct Common {
  Trunk trunk;
  std::optional<uint32_t> rope;
  uint32_t taps = 0, window = 0;
  std::optional<ExpertRule> experts;
};

LayerSpec read_layer(Header& header, const Common& common, uint32_t layer) {
  const Trunk& trunk = common.trunk;
  LayerSpec spec;
  spec.mixer_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_norm"), trunk.width);
  if (trunk.kv_heads[layer] == 0) {
    spec.mixer = read_short_conv(header, common.taps, layer, trunk.width);
  } else {
    SoftmaxAttention attention = read_attention(header, trunk, layer, common.rope);
    read_head_norms(header, trunk, layer, attention);
    attention.window = common.window;
    spec.mixer = std::move(attention);
  }
  spec.ffn_norm = header.need_norm(trunk.norm, layer_tensor(layer, "ffn_norm"), trunk.width);
  if (common.experts && common.experts->in_layer(layer))
    spec.ffn = read_expert_mlp(header, trunk, layer, *common.experts);
  else
    spec.ffn = read_gated_mlp(header, trunk, layer, device::Activation::kSilu);
  return spec;
}

Blueprint read_layers(Header& header, Common& common) {
  const Trunk& trunk = common.trunk;
  Blueprint blueprint = read_shell(header, trunk, false);
  blueprint.output_norm = header.need_norm(trunk.norm, "token_embd_norm", trunk.width);
  if (has_attention(trunk))
    common.rope = add_rope(blueprint, read_rope(header, rope_rule(trunk, device::RopeOrder::kNeox)));
  common.taps = header.need_uint("shortconv.l_cache", 1, device::kConvTapsMax);
  for (uint32_t layer = 0; layer < trunk.layers; ++layer)
    blueprint.layers.push_back(read_layer(header, common, layer));
  return blueprint;
}

}  // namespace

Blueprint read_lfm2(Header& header) {
  Common common;
  common.trunk = read_hybrid_trunk(header);
  common.window = header.get_uint("attention.sliding_window", 0, kContextMax).value_or(0);
  return read_layers(header, common);
}

Blueprint read_lfm2moe(Header& header) {
  Common common;
  common.trunk = read_hybrid_trunk(header);
  ExpertRule experts;
  experts.score = device::Routing::Score::kSigmoid;
  experts.score_key = true;
  experts.selection_bias = true;
  experts.dense_layers = header.get_uint("leading_dense_block_count", 0, kLayersMax).value_or(0);
  common.experts = experts;
  return read_layers(header, common);
}

}  // namespace gantry::arch
