// XVERSE (XVERSE Technology, "XVERSE-7B, 13B and 65B", 2023): Llama's shape, the output never tied.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_xverse(Header& header) {
  return read_dense(header, {.rope = device::RopeOrder::kAdjacent, .own_output = true});
}

}  // namespace gantry::arch
