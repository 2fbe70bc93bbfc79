// A decoder of Llama's shape as a textbook has it, in doubles and in no hurry: what the engine's logits are
// measured against where no reference data is at hand. Knows RMS norms, grouped heads, rotation, gated MLPs
// with SiLU.
#pragma once

#include <span>
#include <vector>

#include "arch/blueprint.h"
#include "base/ids.h"
#include "gguf/gguf.h"

namespace gantry::testing {

// [tokens, vocab]. Throws std::invalid_argument for a Blueprint of another shape.
std::vector<float> plain_logits(const arch::Blueprint& blueprint, const gguf::GgufFile& file,
                                std::span<const TokenId> tokens);

}  // namespace gantry::testing
