#include "tokenizer/pre_split.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::tokenizer {
namespace {

std::vector<std::string> pieces(std::string_view name, std::string_view text) {
  const PreSplit* row = find_pre_split(name);
  EXPECT_NE(row, nullptr) << name;
  std::vector<std::string> out;
  uint64_t steps = 0;
  if (row == nullptr) return out;
  split(*row, text, steps, [&](std::string_view piece) {
    out.emplace_back(piece);
    return true;
  });
  return out;
}

using Pieces = std::vector<std::string>;

TEST(PreSplit, finds_rows_by_name) {
  EXPECT_EQ(find_pre_split("qwen2")->name, "qwen2");
  for (const char* unknown : {"", "qwen", "qwen22", "a", "zzz", "Qwen2"}) {
    EXPECT_EQ(find_pre_split(unknown), nullptr) << unknown;
  }
  EXPECT_NE(known_pre_splits().find("bloom, chameleon, chatglm-bpe"), std::string::npos);
  for (const PreSplit& row : pre_splits()) EXPECT_EQ(find_pre_split(row.name), &row);
}

TEST(PreSplit, gpt2) {
  EXPECT_EQ(pieces("gpt-2", "I'm 42 years, they'LL  go\n\n x\t"),
            (Pieces{"I", "'m", " 42", " years", ",", " they", "'", "LL", " ", " go", "\n\n", " x", "\t"}));
  EXPECT_EQ(pieces("gpt-2", "   "), Pieces{"   "});
  EXPECT_EQ(pieces("gpt-2", ""), Pieces{});
}

TEST(PreSplit, llama3) {
  EXPECT_EQ(
      pieces("llama-bpe", "I'M 12345 years!!\n\n  they'll (go)\r\n"),
      (Pieces{"I", "'M", " ", "123", "45", " years", "!!\n\n", " ", " they", "'ll", " (", "go", ")\r\n"}));
  EXPECT_EQ(pieces("llama-bpe", " \n \n  x"), (Pieces{" \n \n", " ", " x"}));
  // Folding case adds the long s.
  EXPECT_EQ(pieces("llama-bpe", "it'\u017Fo"), (Pieces{"it", "'\u017F", "o"}));
  EXPECT_EQ(pieces("gpt-2", "it'\u017Fo"), (Pieces{"it", "'", "\u017Fo"}));
}

TEST(PreSplit, qwen_takes_single_digits_and_35_keeps_marks) {
  EXPECT_EQ(pieces("qwen2", "a12 b"), (Pieces{"a", "1", "2", " b"}));
  EXPECT_EQ(pieces("qwen2", "e\u0301a"), (Pieces{"e", "\u0301a"}));
  EXPECT_EQ(pieces("qwen35", "e\u0301a"), Pieces{"e\u0301a"});
  EXPECT_EQ(pieces("qwen35", "\u0301"), Pieces{"\u0301"});
}

TEST(PreSplit, stages_cut_what_earlier_stages_left) {
  EXPECT_EQ(pieces("falcon", "a+b 12345"), (Pieces{"a", "+", "b", " ", "123", "45"}));
  EXPECT_EQ(pieces("starcoder", " 12a"), (Pieces{" ", "1", "2", "a"}));
  EXPECT_EQ(pieces("deepseek-v3", "in2024 \u4E2D\u6587x.foo(bar)"),
            (Pieces{"in", "202", "4", " ", "\u4E2D\u6587", "x", ".foo", "(bar", ")"}));
  EXPECT_EQ(pieces("deepseek-llm", "  a\n  \u4E2D9"), (Pieces{" ", " a", "\n", "  ", "\u4E2D", "9"}));
}

TEST(PreSplit, cased_words_give_back_letters_without_case) {
  EXPECT_EQ(pieces("gpt-4o", "HelloWORLD'S ABCdef"), (Pieces{"Hello", "WORLD'S", " ABCdef"}));
  // A greedy run of upper-like letters goes back to the last that is lower-like too.
  EXPECT_EQ(pieces("gpt-4o", "\u4E2DABC"), (Pieces{"\u4E2D", "ABC"}));
  EXPECT_EQ(pieces("gpt-4o", "a\u4E2D/\n/x"), (Pieces{"a\u4E2D", "/\n/", "x"}));
  EXPECT_EQ(pieces("tekken", "HelloWORLD'S"), (Pieces{"Hello", "WORLD", "'S"}));
  EXPECT_EQ(pieces("kimi-k2", "abc\u4E2D\u6587def"), (Pieces{"abc", "\u4E2D\u6587", "def"}));
}

TEST(PreSplit, rules_of_few_rows) {
  EXPECT_EQ(pieces("jais-2", "a" + std::string(7, ' ') + "b"), (Pieces{"a", "    ", "  ", " b"}));
  EXPECT_EQ(pieces("jais-2", std::string(513, ' ')), (Pieces{std::string(512, ' '), " "}));
  EXPECT_EQ(pieces("superbpe", "x1234567y"), (Pieces{"x", "1", "234", "567", "y"}));
  EXPECT_EQ(pieces("tiny_aya", "1234567 1234a"), (Pieces{"1", "234", "567", " ", "123", "4", "a"}));
  EXPECT_EQ(pieces("exaone-moe", "one two  three!/x"), (Pieces{"one two", " ", " three", "!/", "x"}));
  EXPECT_EQ(pieces("bloom", "a (b). c"), (Pieces{"a", " (", "b", ").", " c"}));
  EXPECT_EQ(pieces("gemma4", "a b\n\n\nc\r\n"), (Pieces{"a b", "\n\n\n", "c\r", "\n"}));
  EXPECT_EQ(pieces("chameleon", "<sentinel:1>IMGIMGABZ  x."),
            (Pieces{"<", "sentinel", ":", "1", ">", "IMGIMGABZ", "  ", "x", "."}));
}

// The pattern looks ahead over decimal digits and matches nothing: it cuts, and other numbers stay where they
// are.
TEST(PreSplit, superbpe_cuts_before_threes_only) {
  EXPECT_EQ(pieces("superbpe", "\u00BD123"), (Pieces{"\u00BD", "123"}));
  EXPECT_EQ(pieces("superbpe", "\u00BD12"), Pieces{"\u00BD12"});
  EXPECT_EQ(pieces("superbpe", "1234\u00BD"), (Pieces{"1", "234\u00BD"}));
  EXPECT_EQ(pieces("superbpe", "\u00BD1234\u00BD\u00BE123456\u00BD7"),
            (Pieces{"\u00BD1", "234\u00BD\u00BE", "123", "456\u00BD7"}));
  EXPECT_EQ(pieces("superbpe", "123"), Pieces{"123"});
}

TEST(PreSplit, a_boundary_of_words_is_where_letters_marks_and_decimal_digits_end) {
  for (const char* inside : {"a", "\u0301", "_", "\u2160", "\u24B6"}) {
    EXPECT_EQ(pieces("tiny_aya", std::string("1234") + inside)[0], "123") << inside;
  }
  for (const char* outside : {"", " ", "-", "\u00BD", "\u00B2", "\u2460", "$"}) {
    EXPECT_EQ(pieces("tiny_aya", std::string("1234") + outside)[0], "1") << outside;
  }
}

TEST(PreSplit, bytes_that_are_no_utf8_count_as_symbols) {
  EXPECT_EQ(pieces("gpt-2", "a\xFF\xC3 b"), (Pieces{"a", "\xFF\xC3", " b"}));
  EXPECT_EQ(pieces("llama-bpe", " \xE4\xB8"), Pieces{" \xE4\xB8"});
}

// Texts that would make a backtracking engine go over the same characters again and again.
std::vector<std::string> hard_texts(size_t n) {
  std::vector<std::string> texts;
  const auto repeat = [n](std::string_view unit, std::string_view end = {}) {
    std::string s;
    while (s.size() < n) s += unit;
    return s += end;
  };
  for (const char* unit : {"a",   "A",      " ",           "\n",      " \n",     "1",        "'",      "'s",
                           ".",   "/",      "\u0301",      "\u4E2D",  "\u4E2DA", "\xFF",     "\u3000", "1a",
                           "Aa ", "\u00BD", "<sentinel:1", "IMGIMGA", "\t",      "a\u0301 ", "\uAC00"}) {
    texts.push_back(repeat(unit));
    texts.push_back(repeat(unit, "x"));
    texts.push_back(repeat(unit, "\u4E2D"));
    texts.push_back(repeat(unit, "1_"));
  }
  return texts;
}

TEST(PreSplit, every_row_is_linear_and_loses_nothing) {
  constexpr size_t kSize = 3000;
  const auto small = hard_texts(kSize);
  const auto large = hard_texts(4 * kSize);
  std::set<const Stage*> done;  // several rows share their stages
  for (const PreSplit& row : pre_splits()) {
    if (!done.insert(row.stages.data()).second) continue;
    for (size_t i = 0; i < small.size(); ++i) {
      uint64_t few = 0;
      uint64_t many = 0;
      std::string joined;
      split(row, small[i], few, [&](std::string_view piece) {
        EXPECT_FALSE(piece.empty());
        joined += piece;
        return true;
      });
      EXPECT_EQ(joined, small[i]) << row.name;
      split(row, large[i], many, [](std::string_view) { return true; });
      EXPECT_LT(many, 5 * few) << row.name << " on " << ::testing::PrintToString(small[i].substr(0, 12));
      // Whole runs of white space are looked at from each of a few rules; nothing more.
      EXPECT_LT(few, 40 * kSize) << row.name << " on " << ::testing::PrintToString(small[i].substr(0, 12));
    }
  }
}

}  // namespace
}  // namespace gantry::tokenizer
