#include "tokenizer/cases.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::tokenizer {
namespace {

TEST(Cases, are_what_lies_between_the_separators) {
  EXPECT_EQ(split_cases("a\n__ggml_vocab_test__\n\n__ggml_vocab_test__\n\n\n__ggml_vocab_test__\nb "
                        "c\n__ggml_vocab_test__\n"),
            (std::vector<std::string>{"a", "", "\n", "b c"}));
  EXPECT_EQ(split_cases("one text"), std::vector<std::string>{"one text"});
  EXPECT_EQ(split_cases("a\n__ggml_vocab_test__\nb"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(split_cases(""), std::vector<std::string>{});
}

TEST(Cases, expected_ids_are_a_line_each) {
  EXPECT_EQ(parse_expected(" 1 2 3\n\n 45\r\n7", "f"),
            (std::vector<std::vector<TokenId>>{{1, 2, 3}, {}, {45}, {7}}));
  EXPECT_TRUE(parse_expected("", "f").empty());
  for (const char* bad : {"1 x", "1\n2,3", "99999999999"}) {
    EXPECT_THROW(parse_expected(bad, "f"), Error) << bad;
  }
}

}  // namespace
}  // namespace gantry::tokenizer
