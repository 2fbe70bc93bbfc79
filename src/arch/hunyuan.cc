// Hunyuan dense models (Tencent, "Hunyuan 0.5B, 1.8B, 4B, 7B", 2025): Llama's shape; heads are normed after
// they have turned.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_hunyuan_dense(Header& header) {
  const Trunk trunk = read_trunk(header);
  Blueprint blueprint = read_dense(header, {}, trunk);
  read_head_norms(header, trunk, blueprint);
  for_each_attention(blueprint, [&](uint32_t, LayerSpec&, SoftmaxAttention& attention) {
    attention.norm_after_rope = true;
  });
  return blueprint;
}

}  // namespace gantry::arch
