#include "base/random_id.h"

#include <set>

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(RandomId, IsThePrefixAndSoManyLetters) {
  const std::string id = random_id("call_");
  EXPECT_EQ(id.size(), 5u + 24);
  EXPECT_TRUE(id.starts_with("call_"));
  EXPECT_EQ(id.find_first_not_of(kIdLetters, 5), std::string::npos) << id;
  EXPECT_EQ(random_id("", 9).size(), 9u);
  EXPECT_EQ(random_id("only", 0), "only");
}

TEST(RandomId, NoTwoAreEqualAndEveryLetterComes) {
  std::set<std::string> ids;
  std::set<char> letters;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = random_id("");
    EXPECT_TRUE(ids.insert(id).second) << id;
    letters.insert(id.begin(), id.end());
  }
  EXPECT_EQ(letters.size(), kIdLetters.size());
}

TEST(RandomBits, EveryBitIsNowAndThenSet) {
  uint64_t set = 0, clear = 0;
  for (int i = 0; i < 200; ++i) {
    const uint64_t bits = random_bits();
    set |= bits;
    clear |= ~bits;
  }
  EXPECT_EQ(set, ~uint64_t{0});
  EXPECT_EQ(clear, ~uint64_t{0});
}

}  // namespace
}  // namespace gantry
