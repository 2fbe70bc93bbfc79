#include "base/check.h"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(CheckDeathTest, PrintsBothSides) {
  EXPECT_DEATH(GANTRY_CHECK_EQ(2 + 2, 5), "2 \\+ 2 == 5: 4 vs 5");
  EXPECT_DEATH(GANTRY_CHECK(1 > 2), "1 > 2");
}

TEST(Check, EvaluatesEachSideOnce) {
  int calls = 0;
  GANTRY_CHECK_EQ(++calls, 1);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace gantry
