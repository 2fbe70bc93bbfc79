// Qwen1.5-MoE and Qwen2's mixtures (Qwen Team, "Qwen2 technical report", 2024): Qwen2's attention; many small
// experts whose weights are not normed, and a shared one behind a gate of its own.
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_qwen2moe(Header& header) {
  const Trunk trunk = read_trunk(header);
  ExpertRule experts;
  experts.normalise = false;
  experts.hidden = ExpertRule::Hidden::kPart;
  const uint32_t shared = header.get_uint("expert_shared_feed_forward_length", 0, kWidthMax).value_or(0);
  experts.shared_hidden = shared != 0 ? shared : trunk.hidden[0];
  experts.shared_gate = true;
  DenseRule rule;
  rule.own_ffn = expert_layers(header, trunk, experts);
  return read_dense(header, rule, trunk);
}

}  // namespace gantry::arch
