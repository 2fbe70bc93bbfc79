// Inside gguf only: what kinds of elements there are.
#pragma once

#include <cstdint>
#include <string_view>

#include "gguf/gguf.h"

namespace gantry::gguf {

inline constexpr std::string_view kAlignmentKey = "general.alignment";

uint64_t element_bytes(ValueType type);  // 0 for strings and arrays
bool is_integer(ValueType type);         // without bool
bool is_float(ValueType type);
Value scalar(ValueType type, uint64_t bits);

}  // namespace gantry::gguf
