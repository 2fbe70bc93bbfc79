#include "device/rows.h"

#include <algorithm>

namespace gantry::device {

void list_runs(std::span<const int32_t> positions, std::span<const int32_t> sequences,
               std::vector<Run>& runs) {
  GANTRY_CHECK_EQ(positions.size(), sequences.size());
  runs.clear();
  for (size_t row = 0; row < sequences.size(); ++row) {
    if (sequences[row] < 0) continue;
    if (row == 0 || sequences[row] != sequences[row - 1])
      runs.push_back({static_cast<int32_t>(row), 0, sequences[row], 0});
    ++runs.back().count;
    runs.back().reach = positions[row] + 1;
  }
}

uint32_t longest_reach(std::span<const Run> runs) {
  int32_t longest = 0;
  for (const Run& run : runs) longest = std::max(longest, run.reach);
  return static_cast<uint32_t>(longest);
}

}  // namespace gantry::device
