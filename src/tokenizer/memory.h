// What a tokenizer will hold in memory, from the sizes of its vocabulary alone: the plan counts it before
// anything is loaded (contract M1). Pure; any thread.
#pragma once

#include <cstdint>

#include "gguf/gguf.h"

namespace gantry::tokenizer {

// In bytes, at most; 0 where the file has no vocabulary.
uint64_t memory_bytes(const gguf::Metadata& metadata);

}  // namespace gantry::tokenizer
