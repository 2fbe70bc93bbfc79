// Mistral 3 (Mistral AI, "Ministral 3", 2025): Llama's shape; queries grow with position beyond the context
// that the model was trained for first, where the file says how much.
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_mistral3(Header& header) {
  const Trunk trunk = read_trunk(header);
  DenseRule rule{.rope = device::RopeOrder::kAdjacent};
  if (has_experts(header)) rule.own_ffn = expert_layers(header, trunk, {});
  Blueprint blueprint = read_dense(header, rule, trunk);
  const double scale = header.get_float("attention.temperature_scale").value_or(0);
  if (scale == 0) return blueprint;
  const uint32_t original =
      header.get_uint("rope.scaling.original_context_length", 1, kContextMax).value_or(trunk.context);
  for_each_attention(blueprint, [&](uint32_t, LayerSpec&, SoftmaxAttention& attention) {
    attention.temperature = Temperature{static_cast<float>(scale), 0, original};
  });
  return blueprint;
}

}  // namespace gantry::arch
