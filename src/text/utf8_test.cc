#include "text/utf8.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::text {
namespace {

TEST(Utf8, decodes_and_encodes_every_scalar_value) {
  for (char32_t code = 0; code <= kLastCodePoint; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    std::string s;
    append_utf8(s, code);
    const DecodedChar c = decode_utf8(s, 0);
    ASSERT_TRUE(c.valid) << static_cast<uint32_t>(code);
    ASSERT_EQ(c.code, code);
    ASSERT_EQ(c.bytes, s.size());
    ASSERT_EQ(whole_utf8_prefix(s), s.size());
    ASSERT_EQ(whole_utf8_prefix(std::string_view(s).substr(0, s.size() - 1)), 0u);
  }
}

TEST(Utf8, writes_a_replacement_for_what_is_no_scalar_value) {
  for (const char32_t code : {char32_t{0xD800}, char32_t{0xDFFF}, char32_t{0x110000}, char32_t{0xFFFFFFFF}}) {
    std::string s;
    append_utf8(s, code);
    EXPECT_EQ(s, "\xEF\xBF\xBD");
  }
}

// The examples of the Unicode standard (tables 3-8 to 3-11), which WHATWG's decoder follows.
TEST(Utf8, repairs_maximal_subparts) {
  const auto marks = [](size_t n) {
    std::string s;
    for (size_t i = 0; i < n; ++i) s += "\xEF\xBF\xBD";
    return s;
  };
  EXPECT_EQ(repair_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), marks(8) + "A");
  EXPECT_EQ(repair_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), marks(8) + "A");
  EXPECT_EQ(repair_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), marks(5) + "A" + marks(2) + "B");
  EXPECT_EQ(repair_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), marks(4) + "A");
  EXPECT_EQ(repair_utf8("plain text \xC3\xA4"), "plain text \xC3\xA4");
}

TEST(Utf8, finds_the_unfinished_end) {
  EXPECT_EQ(whole_utf8_prefix(""), 0u);
  EXPECT_EQ(whole_utf8_prefix("ab\xF0\x9F\xA6"), 2u);
  EXPECT_EQ(whole_utf8_prefix("ab\xF0\x9F\xA6\x99"), 6u);
  EXPECT_EQ(whole_utf8_prefix("ab\xE0\x80"), 4u);  // already broken: nothing to wait for
  EXPECT_EQ(whole_utf8_prefix("ab\x80\x80"), 4u);  // continuation bytes of nothing
  EXPECT_EQ(whole_utf8_prefix("ab\xFF"), 3u);
  EXPECT_EQ(whole_utf8_prefix("\xC3\xA4\xC3"), 2u);
}

TEST(Utf8, validates_in_parts_as_in_one_go) {
  const std::vector<std::string> cases = {"",
                                          "abc",
                                          "\xC3\xA4\xE4\xB8\xAD\xF0\x9F\xA6\x99",
                                          "\xF0\x9F\xA6",
                                          "\xE0\x80\x80",
                                          "a\xED\xA0\x80",
                                          "\x80",
                                          "x\xF4\x90\x80\x80",
                                          "\xC3\xC3\xA4"};
  for (const std::string& s : cases) {
    for (size_t step = 1; step <= 4; ++step) {
      Utf8Validator validator;
      for (size_t at = 0; at < s.size(); at += step) validator.push(std::string_view(s).substr(at, step));
      EXPECT_EQ(validator.finish(), is_valid_utf8(s)) << testing::PrintToString(s) << " by " << step;
    }
  }
  Utf8Validator early;
  EXPECT_FALSE(early.push("ab\xC0"));
  EXPECT_FALSE(early.push("ab"));
}

TEST(Utf8, drops_the_mark_of_a_beginning) {
  EXPECT_EQ(without_mark("\xEF\xBB\xBFx"), "x");
  EXPECT_EQ(without_mark("\xEF\xBB\xBF"), "");
  for (const char* text : {"", "x", "\xEF\xBB", "x\xEF\xBB\xBF"}) EXPECT_EQ(without_mark(text), text);
}

TEST(Utf8, converts_to_utf32_and_back) {
  EXPECT_EQ(to_utf32("a\xC3\xA4\xFF"), (std::u32string{U'a', U'\u00E4', kReplacement}));
  EXPECT_EQ(to_utf8(U"a\u00E4\U0001F999"), "a\xC3\xA4\xF0\x9F\xA6\x99");
}

}  // namespace
}  // namespace gantry::text
