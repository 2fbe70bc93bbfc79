// ChatGLM 3 and GLM-4-9B (GLM Team, "ChatGLM: a family of large language models from GLM-130B to GLM-4 all
// tools", 2024): fused matrices with biases on q, k and v, half of each head turns in pairs of neighbours.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_chatglm(Header& header) {
  return read_dense(header, {.rope = device::RopeOrder::kAdjacent, .mlp = DenseRule::Mlp::kFused});
}

}  // namespace gantry::arch
