// Hunyuan's dense models (Tencent, "Hunyuan 0.5B, 1.8B, 4B, 7B", 2025) and its mixture (Sun et al.,
// "Hunyuan-A13B", 2025): Llama's shape; heads are normed after they have turned.
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

namespace {

Blueprint read_hunyuan(Header& header, const DenseRule& rule, const Trunk& trunk) {
  Blueprint blueprint = read_dense(header, rule, trunk);
  read_head_norms(header, trunk, blueprint);
  for_each_attention(blueprint, [&](uint32_t, LayerSpec&, SoftmaxAttention& attention) {
    attention.norm_after_rope = true;
  });
  return blueprint;
}

}  // namespace

Blueprint read_hunyuan_dense(Header& header) { return read_hunyuan(header, {}, read_trunk(header)); }

Blueprint read_hunyuan_moe(Header& header) {
  const Trunk trunk = read_trunk(header);
  ExpertRule experts;
  const uint32_t shared = header.get_uint("expert_shared_feed_forward_length", 0, kWidthMax).value_or(0);
  experts.shared_hidden = shared != 0 ? shared : trunk.hidden[0];
  DenseRule rule;
  rule.own_ffn = expert_layers(header, trunk, experts);
  return read_hunyuan(header, rule, trunk);
}

}  // namespace gantry::arch
