#include "device/rows.h"

#include <array>

#include <gtest/gtest.h>

namespace gantry::device {

namespace {

using Numbers = std::vector<std::array<int32_t, 4>>;
Numbers numbers(const std::vector<device::Run>& runs) {
  Numbers out;
  for (const device::Run& run : runs) out.push_back({run.first, run.count, run.sequence, run.reach});
  return out;
}

TEST(Rows, RunsStandTogetherAndPaddingIsInNone) {
  std::vector<device::Run> runs = {{9, 9, 9, 9}};
  const std::vector<int32_t> positions = {7, 0, 1, 2, 99, 0, 0}, sequences = {2, 0, 0, 0, 3, -1, -1};
  list_runs(positions, sequences, runs);
  EXPECT_EQ(numbers(runs), (Numbers{{0, 1, 2, 8}, {1, 3, 0, 3}, {4, 1, 3, 100}}));
  EXPECT_EQ(longest_reach(runs), 100u);
}

TEST(Rows, PaddingAloneHasNoRun) {
  std::vector<device::Run> runs;
  const std::vector<int32_t> none = {-1, -1};
  list_runs(none, none, runs);
  EXPECT_TRUE(runs.empty());
  EXPECT_EQ(longest_reach(runs), 0u);
}

}  // namespace
}  // namespace gantry::device
