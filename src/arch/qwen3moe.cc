// Qwen3's mixtures (Yang et al., "Qwen3 technical report", 2025): Qwen3's attention, many small experts.
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_qwen3moe(Header& header) {
  const Trunk trunk = read_trunk(header);
  ExpertRule experts;
  experts.hidden = ExpertRule::Hidden::kPart;
  DenseRule rule;
  rule.own_ffn = expert_layers(header, trunk, experts);
  Blueprint blueprint = read_dense(header, rule, trunk);
  read_head_norms(header, trunk, blueprint);
  return blueprint;
}

}  // namespace gantry::arch
