// Qwen3 (Yang et al., "Qwen3 technical report", 2025): no biases, each query and key head normed before it
// turns.
#include <variant>

#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_qwen3(Header& header) {
  Blueprint blueprint = read_dense(header, device::RopeOrder::kNeox);
  for (uint32_t layer = 0; layer < blueprint.layers.size(); ++layer) {
    auto& attention = std::get<SoftmaxAttention>(blueprint.layers[layer].mixer);
    const float eps = blueprint.output_norm.eps;
    attention.q_norm = header.need_rms_norm(layer_tensor(layer, "attn_q_norm"), attention.key_dim, eps);
    attention.k_norm = header.need_rms_norm(layer_tensor(layer, "attn_k_norm"), attention.key_dim, eps);
  }
  return blueprint;
}

}  // namespace gantry::arch
