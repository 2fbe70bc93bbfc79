// ERNIE 4.5 dense models (Baidu, "ERNIE 4.5 technical report", 2025): Llama's shape.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_ernie4_5(Header& header) { return read_dense(header, {.rope = device::RopeOrder::kAdjacent}); }

}  // namespace gantry::arch
