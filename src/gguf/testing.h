// For tests and fuzzing: a file with every kind of value, and a walk that touches all that a GgufFile offers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gguf/gguf.h"

namespace gantry::gguf {

// Metadata of every type (arrays of each, nested arrays, empty ones) and tensors of several types.
std::vector<std::byte> make_sample_file();

// Reads every value, element, string and tensor through the public interface; a sum over it all, so that
// nothing is left out by the compiler. Errors of tensors without readable data are expected and swallowed.
uint64_t touch_everything(const GgufFile& file);

}  // namespace gantry::gguf
