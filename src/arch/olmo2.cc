// OLMo 2 (OLMo Team, "2 OLMo 2 Furious", 2024) and OLMo 3 (2025): norms stand after attention and MLP, none
// before; queries and keys are normed over all heads at once; in OLMo 3 three of four layers see a window
// and turn without scaling.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_olmo2(Header& header) {
  const Trunk trunk = read_trunk(header);
  DenseRule rule;
  rule.mixer_norm = rule.ffn_norm = false;
  rule.own_output = true;
  Blueprint blueprint = read_dense(header, rule, trunk);
  read_post_norms(header, trunk, blueprint);
  read_whole_norms(header, trunk, blueprint);
  RopeRule near = rope_rule(trunk, device::RopeOrder::kNeox);
  near.scaled = false;
  set_windows(blueprint, read_windows(header, trunk, 0, 4), [&] { return read_rope(header, near); });
  return blueprint;
}

}  // namespace gantry::arch
