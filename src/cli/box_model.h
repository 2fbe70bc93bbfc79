// The small model that comes along (docs/model-card.md), whole inside the program: the first answer needs no
// file.
#pragma once

#include <cstddef>
#include <span>

namespace gantry::cli {

inline constexpr const char* kBoxName = "gantry-box";

// The bytes of models/gantry-box.gguf. They live as long as the program.
std::span<const std::byte> box_model();

}  // namespace gantry::cli
