// Windows of attention and the pages they need.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace gantry {

// The pages that one sequence holds at most for a window of so many positions, when at most `rows` are
// written at once: those that the first row sees, those that the last one writes, and the borders.
constexpr uint32_t window_share(uint32_t window, uint32_t rows) {
  return static_cast<uint32_t>((uint64_t{window} + rows - 1) / kPageTokens) + 2;
}

}  // namespace gantry
