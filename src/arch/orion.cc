// Orion (Chen et al., "Orion-14B: open-source multilingual large language models", 2024): Llama's shape with
// layer norms.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_orion(Header& header) {
  return read_dense(header, {.norm = device::NormKind::kLayer, .norm_bias = true, .own_output = true});
}

}  // namespace gantry::arch
