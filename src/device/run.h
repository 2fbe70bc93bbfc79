// A run: consecutive rows of a step that belong to one sequence. Plain data, laid out alike on host and
// device.
#pragma once

#include <cstdint>

namespace gantry::device {

// Rows [first, first + count), in the order of their positions, of sequence `sequence`; when they are
// written, `reach` positions of it are. A run without rows is skipped.
struct Run {
  int32_t first = 0;
  int32_t count = 0;
  int32_t sequence = 0;
  int32_t reach = 0;
};
static_assert(sizeof(Run) == 16);

}  // namespace gantry::device
