#include "tokenizer/token_list.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::tokenizer {
namespace {

TEST(TokenList, TakesSpacesCommasAndLines) {
  EXPECT_EQ(parse_token_list(" 1, 2,3\n\t40\r\n2147483647", "f"),
            (std::vector<TokenId>{1, 2, 3, 40, 2147483647}));
  EXPECT_TRUE(parse_token_list("", "f").empty());
  EXPECT_TRUE(parse_token_list(" ,\n", "f").empty());
}

TEST(TokenList, NamesTheLineOfWhatIsNone) {
  for (const char* bad : {"1\n2\nx", "1\n2\n3x", "1\n2\n-4", "1\n2\n2147483648", "1\n2\n1.5", "1\n2\n0x10"}) {
    try {
      parse_token_list(bad, "ids.txt");
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadFile);
      EXPECT_EQ(error.where(), "ids.txt, line 3") << bad;
    }
  }
}

}  // namespace
}  // namespace gantry::tokenizer
