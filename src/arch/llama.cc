// Llama and what follows its shape (Touvron et al., "Llama 2", 2023; "The Llama 3 herd of models", 2024):
// pairs of neighbours turn, no biases unless the file has them.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_llama(Header& header) { return read_dense(header, {.rope = device::RopeOrder::kAdjacent}); }

}  // namespace gantry::arch
