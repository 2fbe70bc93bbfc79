// Qwen3 (Yang et al., "Qwen3 technical report", 2025): no biases, each query and key head normed before it
// turns.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_qwen3(Header& header) {
  const Trunk trunk = read_trunk(header);
  Blueprint blueprint = read_dense(header, {}, trunk);
  read_head_norms(header, trunk, blueprint);
  return blueprint;
}

}  // namespace gantry::arch
