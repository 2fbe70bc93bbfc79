// Qwen (Bai et al., "Qwen technical report", 2023): Llama's shape with q, k and v fused and biased; the
// file's feed-forward length counts gate and up together.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_qwen(Header& header) {
  Trunk trunk = read_trunk(header);
  for (uint32_t& hidden : trunk.hidden) hidden /= 2;
  return read_dense(header, {.own_output = true}, trunk);
}

}  // namespace gantry::arch
