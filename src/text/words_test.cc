#include "text/words.h"

#include <gtest/gtest.h>

namespace gantry::text {
namespace {

// The house's words in [].
std::string shown(const Words& words) {
  std::string out;
  size_t at = 0;
  for (const Range& range : words.owned()) {
    out += words.text().substr(at, range.begin - at) + "[" + words.text().substr(range.begin, range.size()) +
           "]";
    at = range.end;
  }
  return out + words.text().substr(at);
}

TEST(Words, KeepWhoseTheyAre) {
  Words words;
  EXPECT_TRUE(words.empty());
  words.own("<a>").given("b").own("").own("</a>").own("\n").given("");
  EXPECT_EQ(shown(words), "[<a>]b[</a>\n]");
  EXPECT_EQ(words.text(), "<a>b</a>\n");
}

TEST(Words, KeepItWhereTheyAreJoined) {
  Words words;
  words.given("x");
  words += Words().own("<a>").given("b").own("</a>");
  words += Words().own("\n").given("y");
  words += Words();
  EXPECT_EQ(shown(words), "x[<a>]b[</a>\n]y");
  Words same;
  same.own("<a>").given("b");
  same += same;
  EXPECT_EQ(shown(same), "[<a>]b[<a>]b");
  Words touching;
  touching.own("a").given("b").own("c");
  touching += touching;
  EXPECT_EQ(shown(touching), "[a]b[ca]b[c]");
}

}  // namespace
}  // namespace gantry::text
