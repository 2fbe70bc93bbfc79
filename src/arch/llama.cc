// Llama and what follows its shape (Touvron et al., "Llama 2", 2023; "The Llama 3 herd of models", 2024):
// pairs of neighbours turn, no biases unless the file has them. With experts: Mixtral (Jiang et al., "Mixtral
// of experts", 2024).
#include "arch/dense.h"
#include "arch/experts.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_llama(Header& header) {
  const Trunk trunk = read_trunk(header);
  DenseRule rule{.rope = device::RopeOrder::kAdjacent};
  if (has_experts(header)) rule.own_ffn = expert_layers(header, trunk, {});
  return read_dense(header, rule, trunk);
}

}  // namespace gantry::arch
