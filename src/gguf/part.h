// Inside gguf only: the header of one file, checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gguf/gguf.h"

namespace gantry::gguf {

struct Part {
  uint32_t version = 0;
  Metadata metadata;
  std::vector<TensorInfo> tensors;  // offsets from the start of the file; `part` is left 0
  uint64_t data_begin = 0;
};

// `bytes` outlive the result: its names, strings and arrays are views into them.
Part parse_part(std::span<const std::byte> bytes, const std::string& file, const OpenOptions& options);

}  // namespace gantry::gguf
