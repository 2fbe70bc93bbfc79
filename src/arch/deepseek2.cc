// DeepSeek-V2, V3 and R1, and what took over their shape (DeepSeek-AI, "DeepSeek-V2", 2024; "DeepSeek-V3
// technical report", 2024): latent attention, some dense layers, then many small experts and shared ones.
// Lite models make queries straight from x. Older files hold both halves of what is made of a latent in one
// matrix.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"
#include "base/error.h"
#include "base/fmath.h"

namespace gantry::arch {
namespace {

// One layer's numbers.
struct Latent {
  uint32_t rank = 0, rope_dim = 0, plain_dim = 0, value_dim = 0;
  float rope_scale = 1, score_scale = 1;
};

// YaRN's temperature goes to the scores, all of it where the file has a multiplier, else on top of the
// rotation's own.
void scale_yarn(const Header& header, Latent& latent) {
  latent.score_scale = 1 / std::sqrt(static_cast<float>(latent.plain_dim + latent.rope_dim));
  const double factor = header.get_float("rope.scaling.factor").value_or(0);
  if (header.get_string("rope.scaling.type").value_or("") != "yarn" || factor <= 1) return;
  const double log = log_f64(factor);
  // Files hold a tenth of the published multiplier.
  const double multiplier = header.get_float("rope.scaling.yarn_log_multiplier").value_or(0);
  const double own = header.get_float("rope.scaling.attn_factor").value_or(1);
  const double turned = own * (multiplier != 0 ? 1 : 1 + 0.1 * log);
  const double scale = turned * (1 + multiplier * log);
  latent.rope_scale = static_cast<float>(turned);
  latent.score_scale *= static_cast<float>(scale * scale);
}

Latent read_latent(const Header& header, const Trunk& trunk) {
  Latent latent;
  latent.rank = header.need_uint("attention.kv_lora_rank", 1, kWidthMax);
  latent.rope_dim = header.need_uint("rope.dimension_count", 2, kWidthMax);
  latent.value_dim = header.get_uint("attention.value_length_mla", 1, kWidthMax).value_or(trunk.value_dim);
  const uint32_t query = header.get_uint("attention.key_length_mla", 1, kWidthMax).value_or(trunk.key_dim);
  if (query <= latent.rope_dim)
    throw Error(ErrorCode::kBadFile,
                fmt::format("a query of {} values, of which {} turn, leaves none that do not", query,
                            latent.rope_dim),
                header.file().path() + ": " + header.key("attention.key_length_mla"));
  latent.plain_dim = query - latent.rope_dim;
  const uint32_t heads = *std::max_element(trunk.heads.begin(), trunk.heads.end());
  const uint64_t most = uint64_t{heads} * (uint64_t{latent.rank} + query + latent.value_dim);
  if (most > kWidthMax * 16ull)
    throw Error(ErrorCode::kBadFile, fmt::format("{} values of all heads are beyond any model", most),
                header.file().path() + ": " + header.key("attention.kv_lora_rank"));
  scale_yarn(header, latent);
  return latent;
}

void read_queries(Header& header, const Trunk& trunk, uint32_t layer, LatentAttention& attention) {
  const uint32_t rows = attention.heads * attention.query_dim();
  const std::string straight = layer_tensor(layer, "attn_q");
  if (header.has(straight + ".weight")) {
    attention.q = header.need_linear(straight, rows, trunk.width);
    return;
  }
  const uint32_t rank = header.need_uint("attention.q_lora_rank", 1, kWidthMax);
  attention.q_a = header.need_linear(layer_tensor(layer, "attn_q_a"), rank, trunk.width);
  attention.q_a_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_q_a_norm"), rank);
  attention.q = header.need_linear(layer_tensor(layer, "attn_q_b"), rows, rank);
}

// Of each head: first the rows that make its keys, then those that make its values.
void read_merged(Header& header, const std::string& name, LatentAttention& attention) {
  const uint32_t step = attention.plain_dim + attention.value_dim;
  const Matrix both = header.need_matrix(name, attention.heads * step, attention.latent);
  const quant::Dtype dtype = both.shape.dtype;
  attention.k_b = {
      {both.tensor}, {quant::Dtype::kF32, attention.latent, attention.plain_dim}, attention.heads, 0, step,
      true};
  attention.v_b = {{both.tensor},
                   {dtype, attention.value_dim, attention.latent},
                   attention.heads,
                   attention.plain_dim,
                   step,
                   false};
}

LatentAttention read_attention(Header& header, const Trunk& trunk, const Latent& latent, uint32_t layer,
                               std::optional<uint32_t> rope) {
  LatentAttention attention;
  attention.heads = trunk.heads[layer];
  attention.latent = latent.rank;
  attention.plain_dim = latent.plain_dim;
  attention.rope_dim = latent.rope_dim;
  attention.value_dim = latent.value_dim;
  attention.rope = rope;
  attention.score_scale = latent.score_scale;
  read_queries(header, trunk, layer, attention);
  attention.kv_a =
      header.need_linear(layer_tensor(layer, "attn_kv_a_mqa"), latent.rank + latent.rope_dim, trunk.width);
  attention.kv_a_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_kv_a_norm"), latent.rank);
  if (const std::string merged = layer_tensor(layer, "attn_kv_b.weight"); header.has(merged)) {
    read_merged(header, merged, attention);
  } else {
    attention.k_b = header.need_stack(layer_tensor(layer, "attn_k_b.weight"), latent.rank, latent.plain_dim,
                                      attention.heads);
    attention.v_b = header.need_stack(layer_tensor(layer, "attn_v_b.weight"), latent.value_dim, latent.rank,
                                      attention.heads);
  }
  attention.out =
      header.need_linear(layer_tensor(layer, "attn_output"), trunk.width, attention.heads * latent.value_dim);
  if (const double scale = header.get_float("attention.temperature_scale").value_or(0); scale != 0)
    attention.temperature = Temperature{static_cast<float>(scale), 0,
                                        header.need_uint("attention.temperature_length", 1, kContextMax)};
  return attention;
}

ExpertRule read_rule(const Header& header, const Trunk& trunk, uint32_t vocab) {
  ExpertRule experts;
  // Files of GLM-4.7-Flash that do not name the score, which is known by these numbers.
  const bool glm = (trunk.layers == 47 || trunk.layers == 48) && vocab == 154880;
  experts.score = glm ? device::Routing::Score::kSigmoid : device::Routing::Score::kSoftmax;
  experts.score_key = true;
  experts.normalise = false;
  experts.normalise_key = true;
  experts.selection_bias = true;
  experts.dense_layers = header.get_uint("leading_dense_block_count", 0, kLayersMax).value_or(0);
  const uint32_t shared = header.get_uint("expert_shared_count", 0, device::kExpertsMax).value_or(0);
  experts.shared_hidden = shared_hidden(header, trunk, experts, shared);
  return experts;
}

}  // namespace

Blueprint read_deepseek2(Header& header) {
  Trunk trunk = read_trunk(header);
  leave_out_nextn(header, trunk);
  const Latent latent = read_latent(header, trunk);
  Blueprint blueprint = read_shell(header, trunk);
  RopeRule turn = rope_rule(trunk, device::RopeOrder::kAdjacent);
  turn.head_dim = latent.rope_dim;
  Rope turned = read_rope(header, turn);
  if (header.get_string("rope.scaling.type").value_or("") == "yarn") turned.scale = latent.rope_scale;
  const auto rope = add_rope(blueprint, std::move(turned));
  const ExpertRule experts = read_rule(header, trunk, blueprint.vocab);
  for (uint32_t layer = 0; layer < trunk.layers; ++layer) {
    LayerSpec spec;
    spec.mixer_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_norm"), trunk.width);
    spec.mixer = read_attention(header, trunk, latent, layer, rope);
    spec.ffn_norm = header.need_norm(trunk.norm, layer_tensor(layer, "ffn_norm"), trunk.width);
    if (experts.in_layer(layer))
      spec.ffn = read_expert_mlp(header, trunk, layer, experts);
    else
      spec.ffn = read_gated_mlp(header, trunk, layer, device::Activation::kSilu);
    blueprint.layers.push_back(std::move(spec));
  }
  return blueprint;
}

}  // namespace gantry::arch
