#include "base/counted.h"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(Counted, OneIsOneAndAllOthersAreSeveral) {
  EXPECT_EQ(counted(0, "layer"), "0 layers");
  EXPECT_EQ(counted(1, "layer"), "1 layer");
  EXPECT_EQ(counted(2, "layer"), "2 layers");
  EXPECT_EQ(counted(UINT64_MAX, "byte"), "18446744073709551615 bytes");
}

TEST(Counted, SomeWordsHaveAPluralOfTheirOwn) {
  EXPECT_EQ(counted(1, "entry", "entries"), "1 entry");
  EXPECT_EQ(counted(3, "entry", "entries"), "3 entries");
}

}  // namespace
}  // namespace gantry
