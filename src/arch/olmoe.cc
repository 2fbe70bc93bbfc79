// OLMoE (Muennighoff et al., "OLMoE: open mixture-of-experts language models", 2024): queries and keys are
// normed over all heads at once; many small experts whose weights are not normed.
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_olmoe(Header& header) {
  const Trunk trunk = read_trunk(header);
  ExpertRule experts;
  experts.normalise = false;
  DenseRule rule;
  rule.own_ffn = expert_layers(header, trunk, experts);
  Blueprint blueprint = read_dense(header, rule, trunk);
  read_whole_norms(header, trunk, blueprint);
  return blueprint;
}

}  // namespace gantry::arch
