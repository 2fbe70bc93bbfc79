// EXAONE 3 and 3.5 (LG AI Research, "EXAONE 3.0 7.8B instruction tuned language model", 2024): Llama's
// shape; halves turn.
#include "arch/dense.h"
#include "arch/families.h"

namespace gantry::arch {

Blueprint read_exaone(Header& header) { return read_dense(header, {}); }

}  // namespace gantry::arch
