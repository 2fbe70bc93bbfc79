// A small model of the llama architecture made four times as wide without changing what it computes: every
// channel of the hidden state and every head stands there four times, the feed-forward layer is filled up
// with zeros. So its rows are whole super-blocks, and the quantizations of 256 values a block can be tried on
// trained weights of a few hundred kilobytes.
#pragma once

#include <string>

namespace gantry::tools {

// `from`: F32 matrices, output tied to the embedding, no biases (tools/stories makes such a file). Error
// kUnsupported for another model.
void widen(const std::string& from, const std::string& to);

}  // namespace gantry::tools
