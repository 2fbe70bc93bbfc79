// Qwen2 and Qwen2.5 (Yang et al., "Qwen2 technical report", 2024): Llama's shape with biases on q, k and v;
// halves turn.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_qwen2(Header& header) { return read_dense(header, {.rope = device::RopeOrder::kNeox}); }

}  // namespace gantry::arch
