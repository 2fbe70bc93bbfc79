// Mamba-2 (Dao and Gu, "Transformers are SSMs", 2024): layers of nothing but a selective scan, with neither
// attention nor an MLP.
#include "arch/dense.h"
#include "arch/families.h"
#include "arch/recurrent.h"

namespace gantry::arch {

Blueprint read_mamba2(Header& header) {
  const Trunk trunk = read_bare_trunk(header);
  const SsmNumbers numbers = read_ssm(header);
  Blueprint blueprint = read_shell(header, trunk);
  for (uint32_t layer = 0; layer < trunk.layers; ++layer) {
    LayerSpec spec;
    spec.mixer_norm = header.need_norm(trunk.norm, layer_tensor(layer, "attn_norm"), trunk.width);
    spec.mixer = read_mamba2_mixer(header, numbers, trunk.norm, layer, trunk.width);
    spec.ffn = NoFfn{};
    blueprint.layers.push_back(std::move(spec));
  }
  return blueprint;
}

}  // namespace gantry::arch
