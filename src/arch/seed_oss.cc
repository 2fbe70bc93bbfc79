// Seed-OSS (ByteDance Seed Team, "Seed-OSS open-source models", 2025): Llama's shape; the norm before the
// MLP carries another name.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_seed_oss(Header& header) {
  const Trunk trunk = read_trunk(header);
  Blueprint blueprint = read_dense(header, {.ffn_norm = false}, trunk);
  for (uint32_t layer = 0; layer < trunk.layers; ++layer) {
    blueprint.layers[layer].ffn_norm =
        header.need_norm(trunk.norm, layer_tensor(layer, "post_attention_norm"), trunk.width);
  }
  return blueprint;
}

}  // namespace gantry::arch
