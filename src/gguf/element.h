// Inside gguf only: what kinds of elements there are.
#pragma once

#include <cstdint>

#include "gguf/gguf.h"

namespace gantry::gguf {

uint64_t element_bytes(ValueType type);  // 0 for strings and arrays
bool is_integer(ValueType type);         // without bool
bool is_float(ValueType type);

}  // namespace gantry::gguf
