#include "arch/dense.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "arch/rope.h"
#include "base/error.h"
#include "base/fmath.h"

namespace gantry::arch {

std::string layer_tensor(uint32_t layer, std::string_view suffix) {
  return fmt::format("blk.{}.{}", layer, suffix);
}

namespace {

// One norm epsilon, under the key of its kind.
NormRule read_norm_rule(const Header& header, device::NormKind kind) {
  const char* key =
      kind == device::NormKind::kRms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
  const NormRule rule{kind, static_cast<float>(header.need_float(key)), false};
  if (!(rule.eps >= 0)) header.refuse(key, "must not be negative");
  return rule;
}

void check_heads(const Header& header, const Trunk& trunk) {
  for (uint32_t layer = 0; layer < trunk.layers; ++layer) {
    const auto refuse = [&](const std::string& what, const char* key) {
      throw Error(ErrorCode::kBadFile, fmt::format("layer {}: {}", layer, what),
                  header.file().path() + ": " + header.key(key));
    };
    const uint32_t heads = trunk.heads[layer], kv_heads = trunk.kv_heads[layer];
    if (heads % kv_heads != 0)
      refuse(fmt::format("{} heads cannot share {} KV heads evenly", heads, kv_heads),
             "attention.head_count_kv");
    const uint64_t values = uint64_t{heads} * std::max(trunk.key_dim, trunk.value_dim);
    if (values > kWidthMax)
      refuse(fmt::format("{} heads of {} values are more than the limit of {}", heads, values / heads,
                         kWidthMax),
             "attention.head_count");
  }
}

}  // namespace

Trunk read_trunk(const Header& header, device::NormKind norm) {
  Trunk trunk;
  trunk.layers = header.need_uint("block_count", 1, kLayersMax);
  trunk.width = header.need_uint("embedding_length", 1, kWidthMax);
  trunk.context = header.need_uint("context_length", 1, kContextMax);
  trunk.heads = header.need_per_layer("attention.head_count", trunk.layers, 1, kHeadsMax);
  trunk.kv_heads =
      header.get_per_layer("attention.head_count_kv", trunk.layers, 1, kHeadsMax).value_or(trunk.heads);
  trunk.hidden = header.need_per_layer("feed_forward_length", trunk.layers, 1, kWidthMax);
  const auto key_dim = header.get_uint("attention.key_length", 1, kWidthMax);
  if (!key_dim && trunk.width % trunk.heads[0] != 0) {
    throw Error(ErrorCode::kBadFile,
                fmt::format("{} values do not divide into {} heads", trunk.width, trunk.heads[0]),
                header.file().path() + ": " + header.key("attention.head_count"));
  }
  trunk.key_dim = key_dim.value_or(trunk.width / trunk.heads[0]);
  trunk.value_dim =
      header.get_uint("attention.value_length", 1, kWidthMax).value_or(trunk.width / trunk.heads[0]);
  if (trunk.value_dim == 0) header.refuse("attention.value_length", "it is missing and cannot be inferred");
  check_heads(header, trunk);
  trunk.norm = read_norm_rule(header, norm);
  const double scale = header.get_float("attention.scale").value_or(0);
  trunk.score_scale =
      scale > 0 ? static_cast<float>(scale) : 1 / std::sqrt(static_cast<float>(trunk.key_dim));
  return trunk;
}

Blueprint read_shell(Header& header, const Trunk& trunk, bool output_norm) {
  Blueprint blueprint;
  blueprint.arch = header.arch();
  const auto& metadata = header.file().metadata();
  blueprint.name = metadata.get_string("general.name").value_or("");
  blueprint.width = trunk.width;
  blueprint.context_train = trunk.context;
  blueprint.vocab = header.vocab();
  blueprint.embedding = header.need_matrix("token_embd.weight", blueprint.vocab, trunk.width);
  if (output_norm) blueprint.output_norm = header.need_norm(trunk.norm, "output_norm", trunk.width);
  const auto output = header.find_matrix("output.weight", blueprint.vocab, trunk.width);
  blueprint.output =
      Linear{output.value_or(*blueprint.embedding), header.find_vector("output.bias", blueprint.vocab)};
  return blueprint;
}

SoftmaxAttention read_attention(Header& header, const Trunk& trunk, uint32_t layer,
                                std::optional<uint32_t> rope, bool gated) {
  SoftmaxAttention attention;
  attention.gated = gated;
  attention.heads = trunk.heads[layer];
  attention.kv_heads = trunk.kv_heads[layer];
  attention.key_dim = trunk.key_dim;
  attention.value_dim = trunk.value_dim;
  const uint32_t q = (gated ? 2 : 1) * attention.heads * trunk.key_dim,
                 k = attention.kv_heads * trunk.key_dim, v = attention.kv_heads * trunk.value_dim;
  const auto has = [&](const char* name) { return header.has(layer_tensor(layer, name) + ".weight"); };
  if (has("attn_qkv") || !(has("attn_q") || has("attn_k") || has("attn_v"))) {
    const std::string fused = layer_tensor(layer, "attn_qkv");
    const Linear all = header.need_linear(fused, q + k + v, trunk.width);
    attention.q = rows_of(all, 0, q);
    attention.k = rows_of(all, q, k);
    attention.v = rows_of(all, q + k, v);
  } else {
    attention.q = header.need_linear(layer_tensor(layer, "attn_q"), q, trunk.width);
    attention.k = header.need_linear(layer_tensor(layer, "attn_k"), k, trunk.width);
    attention.v = header.need_linear(layer_tensor(layer, "attn_v"), v, trunk.width);
  }
  attention.out =
      header.need_linear(layer_tensor(layer, "attn_output"), trunk.width, attention.heads * trunk.value_dim);
  attention.rope = rope;
  attention.score_scale = trunk.score_scale;
  return attention;
}

GatedMlp read_gated_mlp(Header& header, const Trunk& trunk, uint32_t layer, device::Activation activation) {
  const uint32_t hidden = trunk.hidden[layer];
  return {activation, header.need_linear(layer_tensor(layer, "ffn_gate"), hidden, trunk.width),
          header.need_linear(layer_tensor(layer, "ffn_up"), hidden, trunk.width),
          header.need_linear(layer_tensor(layer, "ffn_down"), trunk.width, hidden)};
}

GatedMlp read_fused_mlp(Header& header, const Trunk& trunk, uint32_t layer, device::Activation activation) {
  const uint32_t hidden = trunk.hidden[layer];
  const Linear both = header.need_linear(layer_tensor(layer, "ffn_up"), 2 * hidden, trunk.width);
  return {activation, rows_of(both, 0, hidden), rows_of(both, hidden, hidden),
          header.need_linear(layer_tensor(layer, "ffn_down"), trunk.width, hidden)};
}

PlainMlp read_plain_mlp(Header& header, const Trunk& trunk, uint32_t layer, device::Activation activation) {
  const uint32_t hidden = trunk.hidden[layer];
  return {activation, header.need_linear(layer_tensor(layer, "ffn_up"), hidden, trunk.width),
          header.need_linear(layer_tensor(layer, "ffn_down"), trunk.width, hidden)};
}

RopeRule rope_rule(const Trunk& trunk, device::RopeOrder order) {
  RopeRule rule;
  rule.order = order;
  rule.head_dim = trunk.key_dim;
  rule.context_train = trunk.context;
  return rule;
}

std::optional<uint32_t> add_rope(Blueprint& blueprint, Rope rope) {
  if (rope.frequencies.empty()) return std::nullopt;
  blueprint.ropes.push_back(std::move(rope));
  return static_cast<uint32_t>(blueprint.ropes.size() - 1);
}

namespace {

// Biases that a family cannot be without; throws naming the missing one.
void need_biases(Header& header, uint32_t layer, const LayerSpec& spec) {
  const auto need = [&](const Linear& linear, const char* name) {
    if (!linear.bias) header.need_vector(layer_tensor(layer, name) + ".bias", linear.weight.shape.rows);
  };
  need(std::get<SoftmaxAttention>(spec.mixer).out, "attn_output");
  if (const auto* mlp = std::get_if<PlainMlp>(&spec.ffn)) {
    need(mlp->up, "ffn_up");
    need(mlp->down, "ffn_down");
  }
}

Ffn read_mlp(Header& header, const Trunk& trunk, uint32_t layer, const DenseRule& rule) {
  switch (rule.mlp) {
    case DenseRule::Mlp::kGated:
      return read_gated_mlp(header, trunk, layer, rule.activation);
    case DenseRule::Mlp::kFused:
      return read_fused_mlp(header, trunk, layer, rule.activation);
    case DenseRule::Mlp::kPlain:
      return read_plain_mlp(header, trunk, layer, rule.activation);
  }
  return {};
}

}  // namespace

Blueprint read_dense(Header& header, const DenseRule& rule) {
  return read_dense(header, rule, read_trunk(header, rule.norm));
}

Blueprint read_dense(Header& header, const DenseRule& rule, const Trunk& given) {
  if (!rule.own_ffn && header.get_uint("expert_count", 0, UINT32_MAX).value_or(0) > 0) {
    header.refuse("expert_count", "this family has no mixtures of experts");
  }
  Trunk trunk = given;
  trunk.norm.needs_bias = rule.norm_bias;
  Blueprint blueprint = read_shell(header, trunk, rule.output_norm);
  if (rule.own_output && blueprint.tied())
    header.need_matrix("output.weight", blueprint.vocab, trunk.width);  // throws, naming the tensor
  std::optional<uint32_t> rope;
  if (rule.rope) rope = add_rope(blueprint, read_rope(header, rope_rule(trunk, *rule.rope)));
  for (uint32_t layer = 0; layer < trunk.layers; ++layer) {
    LayerSpec spec;
    if (rule.mixer_norm)
      spec.mixer_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_norm"), trunk.width);
    spec.mixer = read_attention(header, trunk, layer, rope);
    if (rule.ffn_norm)
      spec.ffn_norm = header.need_norm(trunk.norm, layer_tensor(layer, "ffn_norm"), trunk.width);
    if (std::optional<Ffn> own = rule.own_ffn ? rule.own_ffn(layer) : std::nullopt)
      spec.ffn = std::move(*own);
    else
      spec.ffn = read_mlp(header, trunk, layer, rule);
    if (rule.linear_bias) need_biases(header, layer, spec);
    blueprint.layers.push_back(std::move(spec));
  }
  return blueprint;
}

void for_each_attention(Blueprint& blueprint,
                        const std::function<void(uint32_t, LayerSpec&, SoftmaxAttention&)>& function) {
  for (uint32_t layer = 0; layer < blueprint.layers.size(); ++layer) {
    LayerSpec& spec = blueprint.layers[layer];
    if (auto* attention = std::get_if<SoftmaxAttention>(&spec.mixer)) function(layer, spec, *attention);
  }
}

void read_post_norms(Header& header, const Trunk& trunk, Blueprint& blueprint) {
  for (uint32_t layer = 0; layer < trunk.layers; ++layer) {
    LayerSpec& spec = blueprint.layers[layer];
    spec.mixer_post_norm =
        header.need_norm(trunk.norm, layer_tensor(layer, "post_attention_norm"), trunk.width);
    spec.ffn_post_norm = header.need_norm(trunk.norm, layer_tensor(layer, "post_ffw_norm"), trunk.width);
  }
}

void read_head_norms(Header& header, const Trunk& trunk, uint32_t layer, SoftmaxAttention& attention) {
  attention.q_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_q_norm"), trunk.key_dim);
  attention.k_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_k_norm"), trunk.key_dim);
}

void read_head_norms(Header& header, const Trunk& trunk, Blueprint& blueprint) {
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec&, SoftmaxAttention& attention) {
    read_head_norms(header, trunk, layer, attention);
  });
}

void read_whole_norms(Header& header, const Trunk& trunk, Blueprint& blueprint) {
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec&, SoftmaxAttention& attention) {
    attention.q_norm =
        header.need_norm(trunk.norm, layer_tensor(layer, "attn_q_norm"), attention.heads * trunk.key_dim);
    attention.k_norm =
        header.need_norm(trunk.norm, layer_tensor(layer, "attn_k_norm"), attention.kv_heads * trunk.key_dim);
  });
}

Windows read_windows(const Header& header, const Trunk& trunk, uint32_t window_default, uint32_t period) {
  Windows windows;
  windows.window = header.get_uint("attention.sliding_window", 0, kContextMax).value_or(window_default);
  windows.windowed.assign(trunk.layers, false);
  if (windows.window == 0) return windows;
  constexpr const char* kPattern = "attention.sliding_window_pattern";
  if (header.is_array(kPattern)) {
    const auto flags = header.need_per_layer(kPattern, trunk.layers, 0, 1);
    for (uint32_t layer = 0; layer < trunk.layers; ++layer) windows.windowed[layer] = flags[layer] != 0;
    return windows;
  }
  const uint32_t of = header.get_uint(kPattern, 0, kLayersMax).value_or(period);
  for (uint32_t layer = 0; layer < trunk.layers; ++layer)
    windows.windowed[layer] = of == 0 || layer % of != of - 1;
  return windows;
}

void set_windows(Blueprint& blueprint, const Windows& windows, const std::function<Rope()>& near) {
  if (windows.window == 0) return;
  const auto rope = add_rope(blueprint, near());
  for_each_attention(blueprint, [&](uint32_t layer, LayerSpec&, SoftmaxAttention& attention) {
    if (!windows.windowed[layer]) return;
    attention.window = windows.window;
    attention.rope = rope;
  });
}

namespace {

// The published slopes: a geometric row for a power of two heads; what is over takes every second one of the
// row for twice as many.
std::vector<float> slopes_of(uint32_t heads, double bias_max) {
  const uint32_t power = std::bit_floor(heads);
  std::vector<float> slopes;
  for (uint32_t head = 0; head < heads; ++head) {
    const double exponent =
        head < power ? bias_max * (head + 1) / power : bias_max / 2 * (2 * (head - power) + 1) / power;
    slopes.push_back(static_cast<float>(pow_f64(2, -exponent)));
  }
  return slopes;
}

}  // namespace

void set_slopes(Blueprint& blueprint, float bias_max) {
  if (!(bias_max > 0)) return;
  for_each_attention(blueprint, [&](uint32_t, LayerSpec&, SoftmaxAttention& attention) {
    for (uint32_t i = 0; i < blueprint.slopes.size(); ++i) {
      if (blueprint.slopes[i].size() == attention.heads) attention.slopes = i;
    }
    if (attention.slopes) return;
    attention.slopes = static_cast<uint32_t>(blueprint.slopes.size());
    blueprint.slopes.push_back(slopes_of(attention.heads, static_cast<double>(bias_max)));
  });
}

float read_clamp(const Header& header) {
  const double clamp = header.get_float("attention.clamp_kqv").value_or(0);
  return clamp > 0 ? static_cast<float>(clamp) : 0.0f;
}

}  // namespace gantry::arch
