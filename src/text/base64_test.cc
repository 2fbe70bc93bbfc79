#include "text/base64.h"

#include <string>

#include <gtest/gtest.h>

namespace gantry::text {
namespace {

TEST(Base64, follows_the_examples_of_rfc_4648) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, coded] : cases) {
    EXPECT_EQ(base64_encode(bytes), coded);
    EXPECT_EQ(base64_decode(coded), bytes);
  }
}

TEST(Base64, carries_every_byte_in_both_alphabets) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (size_t n = 253; n <= 256; ++n) {
    const std::string part = bytes.substr(256 - n);
    EXPECT_EQ(base64_decode(base64_encode(part)), part);
    EXPECT_EQ(base64_decode(base64_encode(part, Base64Alphabet::kUrl), Base64Alphabet::kUrl), part);
  }
  EXPECT_EQ(base64_encode("\xFB\xFF", Base64Alphabet::kUrl), "-_8");
  EXPECT_EQ(base64_decode("-_8=", Base64Alphabet::kUrl), "\xFB\xFF");
}

TEST(Base64, refuses_what_is_not_base64) {
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Zg==Zg==", "Zm9v\n", "Z m9v", "Zm9-", "Zh==", "Zm9="}) {
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(base64_decode("Z", Base64Alphabet::kUrl), std::nullopt);
  EXPECT_EQ(base64_decode("Zm9+", Base64Alphabet::kUrl), std::nullopt);
}

}  // namespace
}  // namespace gantry::text
