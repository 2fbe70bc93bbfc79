#include "arch/dense.h"

#include <cmath>

#include <fmt/format.h>

#include "arch/rope.h"
#include "base/error.h"

namespace gantry::arch {

std::string layer_tensor(uint32_t layer, std::string_view suffix) {
  return fmt::format("blk.{}.{}", layer, suffix);
}

Trunk read_trunk(const Header& header) {
  Trunk trunk;
  trunk.layers = header.need_uint("block_count", 1, kLayersMax);
  trunk.width = header.need_uint("embedding_length", 1, kWidthMax);
  trunk.context = header.need_uint("context_length", 1, kContextMax);
  trunk.heads = header.need_per_layer("attention.head_count", trunk.layers, 1, kHeadsMax);
  trunk.kv_heads =
      header.get_per_layer("attention.head_count_kv", trunk.layers, 1, kHeadsMax).value_or(trunk.heads);
  trunk.hidden = header.need_per_layer("feed_forward_length", trunk.layers, 1, kWidthMax);
  for (uint32_t layer = 0; layer < trunk.layers; ++layer) {
    if (trunk.heads[layer] % trunk.kv_heads[layer] != 0) {
      throw Error(ErrorCode::kBadFile,
                  fmt::format("layer {}: {} heads cannot share {} KV heads evenly", layer, trunk.heads[layer],
                              trunk.kv_heads[layer]),
                  header.file().path() + ": " + header.key("attention.head_count_kv"));
    }
  }
  const auto key_dim = header.get_uint("attention.key_length", 1, kWidthMax);
  if (!key_dim && trunk.width % trunk.heads[0] != 0) {
    throw Error(ErrorCode::kBadFile,
                fmt::format("{} values do not divide into {} heads", trunk.width, trunk.heads[0]),
                header.file().path() + ": " + header.key("attention.head_count"));
  }
  trunk.key_dim = key_dim.value_or(trunk.width / trunk.heads[0]);
  trunk.value_dim =
      header.get_uint("attention.value_length", 1, kWidthMax).value_or(trunk.width / trunk.heads[0]);
  trunk.rms_eps = static_cast<float>(header.need_float("attention.layer_norm_rms_epsilon"));
  if (!(trunk.rms_eps >= 0)) header.refuse("attention.layer_norm_rms_epsilon", "must not be negative");
  const double scale = header.get_float("attention.scale").value_or(0);
  trunk.score_scale =
      scale > 0 ? static_cast<float>(scale) : 1 / std::sqrt(static_cast<float>(trunk.key_dim));
  return trunk;
}

Blueprint read_shell(Header& header, const Trunk& trunk) {
  Blueprint blueprint;
  blueprint.arch = header.arch();
  const auto& metadata = header.file().metadata();
  blueprint.name = metadata.get_string("general.name").value_or("");
  blueprint.width = trunk.width;
  blueprint.context_train = trunk.context;
  blueprint.vocab = header.rows_of("token_embd.weight");
  blueprint.embedding = header.need_matrix("token_embd.weight", blueprint.vocab, trunk.width);
  blueprint.output_norm = header.need_rms_norm("output_norm", trunk.width, trunk.rms_eps);
  const auto output = header.find_matrix("output.weight", blueprint.vocab, trunk.width);
  blueprint.output = {output.value_or(blueprint.embedding),
                      header.find_vector("output.bias", blueprint.vocab)};
  return blueprint;
}

SoftmaxAttention read_attention(Header& header, const Trunk& trunk, uint32_t layer,
                                std::optional<uint32_t> rope) {
  SoftmaxAttention attention;
  attention.heads = trunk.heads[layer];
  attention.kv_heads = trunk.kv_heads[layer];
  attention.key_dim = trunk.key_dim;
  attention.value_dim = trunk.value_dim;
  attention.q =
      header.need_linear(layer_tensor(layer, "attn_q"), attention.heads * trunk.key_dim, trunk.width);
  attention.k =
      header.need_linear(layer_tensor(layer, "attn_k"), attention.kv_heads * trunk.key_dim, trunk.width);
  attention.v =
      header.need_linear(layer_tensor(layer, "attn_v"), attention.kv_heads * trunk.value_dim, trunk.width);
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

Blueprint read_dense(Header& header, device::RopeOrder order) {
  const Trunk trunk = read_trunk(header);
  if (header.get_uint("expert_count", 0, UINT32_MAX).value_or(0) > 0) {
    header.refuse("expert_count", "mixtures of experts are not supported by this version");
  }
  Blueprint blueprint = read_shell(header, trunk);
  std::optional<uint32_t> rope;
  if (Rope found = read_rope(header, order, trunk.key_dim, trunk.context); !found.frequencies.empty()) {
    rope = 0;
    blueprint.ropes.push_back(std::move(found));
  }
  for (uint32_t layer = 0; layer < trunk.layers; ++layer) {
    blueprint.layers.push_back(
        {header.need_rms_norm(layer_tensor(layer, "attn_norm"), trunk.width, trunk.rms_eps),
         read_attention(header, trunk, layer, rope),
         header.need_rms_norm(layer_tensor(layer, "ffn_norm"), trunk.width, trunk.rms_eps),
         read_gated_mlp(header, trunk, layer, device::Activation::kSilu)});
  }
  return blueprint;
}

}  // namespace gantry::arch
