// OLMo (Groeneveld et al., "OLMo: accelerating the science of language models", 2024): Llama's shape with
// layer norms that have no weights; q, k and v may be kept within bounds.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_olmo(Header& header) {
  const Trunk trunk = read_trunk(header, device::NormKind::kLayer);
  DenseRule rule;
  rule.rope = device::RopeOrder::kAdjacent;
  rule.mixer_norm = rule.ffn_norm = rule.output_norm = false;
  Blueprint blueprint = read_dense(header, rule, trunk);
  Norm bare;
  bare.kind = device::NormKind::kLayer;
  bare.size = trunk.width;
  bare.eps = trunk.norm.eps;
  blueprint.output_norm = bare;
  const float clamp = read_clamp(header);
  for_each_attention(blueprint, [&](uint32_t, LayerSpec& spec, SoftmaxAttention& attention) {
    spec.mixer_norm = spec.ffn_norm = bare;
    attention.clamp = clamp;
  });
  return blueprint;
}

}  // namespace gantry::arch
