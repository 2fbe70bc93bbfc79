#include "cli/word_wrap.h"

#include <clocale>
#include <string>

#include <gtest/gtest.h>

namespace gantry::cli {
namespace {

TEST(Wrapped, LinesEndBetweenWords) {
  EXPECT_EQ(wrapped("one two three", 7), "one two\nthree");
  EXPECT_EQ(wrapped("one two three", 6, 2), "one\n  two\n  three");
  EXPECT_EQ(wrapped("one\n  two three four", 11), "one\n  two three\nfour");
  EXPECT_EQ(wrapped("unbreakable", 4), "unbreakable");
  EXPECT_EQ(wrapped("", 4), "");
  EXPECT_EQ(wrapped("a b  ", 3), "a b");
}

// However the text is cut into pieces, the lines are the same.
std::string streamed(const std::string& text, size_t columns, size_t piece) {
  WordWrap wrap;
  wrap.set_columns(columns);
  std::string out;
  for (size_t i = 0; i < text.size(); i += piece) out += wrap.add(text.substr(i, piece));
  return out + wrap.end();
}

TEST(WordWrap, LinesEndBetweenWordsHoweverTheTextComes) {
  const std::string text = "Once upon a time there was a small boat.\n\n  It had no name, and went on.";
  for (size_t piece = 1; piece < 12; ++piece)
    EXPECT_EQ(streamed(text, 16, piece),
              "Once upon a time\nthere was a\nsmall boat.\n\n  It had no\nname, and went\non.")
        << piece;
  EXPECT_EQ(streamed(text, 0, 3), text);
}

TEST(WordWrap, AWordIsShownWhenItIsKnownToFit) {
  WordWrap wrap;
  wrap.set_columns(8);
  EXPECT_EQ(wrap.add("Once up"), "Once");
  EXPECT_EQ(wrap.add("on"), "");
  EXPECT_EQ(wrap.add(" a"), "\nupon");
  EXPECT_EQ(wrap.end(), " a");
}

TEST(WordWrap, AWordWithoutRoomGoesOn) { EXPECT_EQ(streamed("a 12345678901234", 5, 1), "a\n12345678901234"); }

TEST(WordWrap, ProgramsAreLeftAlone) {
  const std::string code = "```sh\necho a b c d e f g\n```";
  EXPECT_EQ(streamed(code + "\na b c d", 5, 2), code + "\na b c\nd");
}

TEST(WordWrap, TheEdgeMayMove) {
  WordWrap wrap;
  wrap.set_columns(40);
  std::string out = wrap.add("one two three ");
  wrap.set_columns(10);
  out += wrap.add("four five six ");
  EXPECT_EQ(out + wrap.end(), "one two three\nfour five\nsix");
}

TEST(WordWrap, WideCharactersTakeTwoColumnsAndEndLines) {
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) GTEST_SKIP() << "no C.UTF-8 here";
  EXPECT_EQ(columns_of("\u6f22\u5b57e\u0301"), 5u);
  EXPECT_EQ(streamed("\u6f22\u5b57\u6f22\u5b57\u6f22", 4, 3), "\u6f22\u5b57\n\u6f22\u5b57\n\u6f22");
  std::setlocale(LC_CTYPE, "C");
}

}  // namespace
}  // namespace gantry::cli
