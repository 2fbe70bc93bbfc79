// Granite 3 (Granite Team, IBM, "Granite 3.0 language models", 2024) and MiniCPM (Hu et al., "MiniCPM:
// unveiling the potential of small language models", 2024): Llama's shape with four multipliers: embedding,
// residual, scores, logits. Granite's mixtures of experts may have shared ones.
#include <cmath>

#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

namespace {

// What a multiplier is where the file has none; zero in a file means none too.
struct Multipliers {
  float embedding = 1, residual = 1;
  float logit_divisor = 1;
};

Blueprint read_scaled(Header& header, const Multipliers& multipliers, bool turns) {
  const Trunk trunk = read_trunk(header);
  DenseRule rule;
  rule.rope = turns ? std::optional(device::RopeOrder::kAdjacent) : std::nullopt;
  if (has_experts(header)) {
    ExpertRule experts;
    experts.shared_hidden = header.get_uint("expert_shared_feed_forward_length", 0, kWidthMax).value_or(0);
    rule.own_ffn = expert_layers(header, trunk, experts);
  }
  Blueprint blueprint = read_dense(header, rule, trunk);
  const auto read = [&](const char* key, float otherwise) {
    const double value = header.get_float(key).value_or(static_cast<double>(otherwise));
    return value == 0 ? 1.0f : static_cast<float>(value);
  };
  blueprint.embedding_scale = read("embedding_scale", multipliers.embedding);
  blueprint.logit_scale = 1 / read("logit_scale", multipliers.logit_divisor);
  const float residual = read("residual_scale", multipliers.residual);
  for (LayerSpec& layer : blueprint.layers) layer.residual_scale = residual;
  return blueprint;
}

}  // namespace

Blueprint read_granite(Header& header) {
  header.need_float("logit_scale");
  // "Finetuned" says of Granite whether it turns at all.
  return read_scaled(header, {}, header.get_bool("rope.scaling.finetuned").value_or(true));
}

Blueprint read_minicpm(Header& header) {
  const auto layers = static_cast<float>(header.need_uint("block_count", 1, kLayersMax));
  const auto width = static_cast<float>(header.need_uint("embedding_length", 1, kWidthMax));
  // The multipliers of the models that were published before files named them.
  return read_scaled(header, {12.0f, 1.4f / std::sqrt(layers), width / 256.0f}, true);
}

}  // namespace gantry::arch
