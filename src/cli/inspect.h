// What is in a GGUF file, as text for people and JSON for programs. Pure.
#pragma once

#include <string>

#include "gguf/gguf.h"
#include "text/json.h"

namespace gantry::cli {

inline constexpr size_t kShownItems = 6;         // of an array
inline constexpr size_t kShownStringBytes = 72;  // of a string

std::string inspect_text(const gguf::GgufFile& file);
// Arrays are cut to kShownItems, strings are whole; bytes that are no UTF-8 become U+FFFD when dumped.
Json inspect_json(const gguf::GgufFile& file);

}  // namespace gantry::cli
