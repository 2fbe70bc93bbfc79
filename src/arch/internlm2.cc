// InternLM 2 (Cai et al., "InternLM2 technical report", 2024): Llama's shape, the output never tied.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_internlm2(Header& header) {
  return read_dense(header, {.rope = device::RopeOrder::kAdjacent, .own_output = true});
}

}  // namespace gantry::arch
