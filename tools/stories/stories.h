// The 260K-parameter story model as a GGUF file, from the llama2.c checkpoint and tokenizer that it was
// published as (formats: the README of the conformance data). A whole trained model of a megabyte: what tests
// and first steps run.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "quant/dtype.h"

namespace gantry::tools {

// `dir` holds stories260K.bin and tok512.bin. `dtype`: F32, F16 or Q8_0, for the matrices; norms stay F32,
// and a matrix whose rows are not whole blocks falls back to F16. Error kNotFound, kIo, kBadFile or kUsage.
std::vector<std::byte> make_stories_gguf(const std::string& dir, quant::Dtype dtype);

}  // namespace gantry::tools
