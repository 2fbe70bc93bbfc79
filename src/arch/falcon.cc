// Falcon (Almazrouei et al., "The Falcon series of open language models", 2023): attention and a plain MLP
// side by side; the 40B model and larger norm what attention reads with a norm of its own.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_falcon(Header& header) {
  Trunk trunk = read_trunk(header, device::NormKind::kLayer);
  trunk.norm.needs_bias = true;
  DenseRule rule;
  rule.norm_bias = true;
  rule.ffn_norm = false;
  rule.mlp = DenseRule::Mlp::kPlain;
  rule.activation = device::Activation::kGelu;
  Blueprint blueprint = read_dense(header, rule, trunk);
  for (uint32_t layer = 0; layer < trunk.layers; ++layer) {
    LayerSpec& spec = blueprint.layers[layer];
    spec.parallel = true;
    auto second = header.find_norm(trunk.norm, layer_tensor(layer, "attn_norm_2"), trunk.width);
    if (!second) continue;
    spec.ffn_norm = spec.mixer_norm;
    spec.mixer_norm = second;
  }
  return blueprint;
}

}  // namespace gantry::arch
