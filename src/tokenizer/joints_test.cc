#include "tokenizer/joints.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::tokenizer {
namespace {

std::vector<std::string> islands(const std::vector<std::string_view>& tokens, std::string_view text) {
  Joints joints;
  joints.reserve(1 << 12);
  for (const std::string_view token : tokens) joints.add(token);
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = joints.island_end(text, at);
    out.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

using Parts = std::vector<std::string>;

TEST(Joints, cut_where_no_token_reaches_across) {
  EXPECT_EQ(islands({"ab"}, "abab"), (Parts{"ab", "ab"}));
  EXPECT_EQ(islands({"ab", "ba"}, "abab"), (Parts{"abab"}));
  EXPECT_EQ(islands({"中国"}, "中国中国人"), (Parts{"中国", "中国", "人"}));
  EXPECT_EQ(islands({}, "a中"), (Parts{"a", "中"}));
}

TEST(Joints, tokens_that_end_within_a_character_reach_into_it) {
  EXPECT_EQ(islands({"a\xE4"}, "a中a"), (Parts{"a中", "a"}));
  EXPECT_EQ(islands({"a\xE4\xB8"}, "a中a国"), (Parts{"a中", "a", "国"}));
  EXPECT_EQ(islands({"\xAD"
                     "a"},
                    "中a国a"),
            (Parts{"中a", "国", "a"}));
  EXPECT_EQ(islands({"\xB8\xAD\xE5\x9B"}, "中国国"), (Parts{"中国", "国"}));
}

TEST(Joints, broken_text_is_never_cut) {
  EXPECT_EQ(islands({},
                    "a\xE4"
                    "b"),
            (Parts{"a\xE4"
                   "b"}));
  EXPECT_EQ(islands({}, "\xFF\xFF"), (Parts{"\xFF\xFF"}));
}

}  // namespace
}  // namespace gantry::tokenizer
