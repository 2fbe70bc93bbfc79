#include "api/text_parts.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/scenario/fakes.h"
#include "text/utf8.h"

namespace gantry::api {
namespace {

std::string joined(TextParts parts) {
  std::string out;
  for (std::string part = parts.next(); !part.empty(); part = parts.next()) {
    EXPECT_LE(part.size(), kTextPartBytes + 4);
    EXPECT_TRUE(text::is_valid_utf8(part));
    out += part;
  }
  EXPECT_EQ(parts.next(), "");
  return out;
}

TEST(TextParts, MakeUpTheText) {
  const testing::ByteTokenizer tokenizer;
  // Characters of one to four bytes, so that some part would end in the midst of one.
  std::string text;
  for (size_t i = 0; text.size() < 3 * kTextPartBytes; ++i)
    for (const std::string_view c : {"a", "\u00e9", "\u20ac", "\U0001f600"})
      if (i % 7 != 0) text += c;
  for (const size_t bytes :
       {size_t{0}, size_t{1}, kTextPartBytes - 1, kTextPartBytes, kTextPartBytes + 1, text.size()}) {
    const std::string some = text.substr(0, text::whole_utf8_prefix(std::string_view(text).substr(0, bytes)));
    EXPECT_EQ(joined(TextParts(some)), some);
    const std::vector<TokenId> tokens = tokenizer.encode(some, {});
    EXPECT_EQ(joined(TextParts(tokenizer, tokens, true)), some);
  }
}

TEST(TextParts, AreWhatTheDecoderSays) {
  const testing::ByteTokenizer tokenizer;
  std::vector<TokenId> tokens(kTextPartBytes, 'a');
  tokens.push_back(0xC3);
  tokens.push_back(testing::kTurn);
  tokens.push_back(0xE2);  // never ended
  EXPECT_EQ(joined(TextParts(tokenizer, tokens, true)),
            std::string(kTextPartBytes, 'a') + "\ufffd<|turn|>\ufffd");
  EXPECT_EQ(joined(TextParts(tokenizer, tokens, false)), std::string(kTextPartBytes, 'a') + "\ufffd\ufffd");
}

// What is no UTF-8 may stand at a border: nothing is lost, and it comes to an end.
TEST(TextParts, OfBytesThatAreNoText) {
  std::string bytes(kTextPartBytes - 1, 'a');
  bytes += "\xF0\x9F\x98";
  bytes += std::string(10, '\xBF');
  std::string out;
  TextParts parts(bytes);
  for (std::string part = parts.next(); !part.empty(); part = parts.next()) out += part;
  EXPECT_EQ(out, bytes);
}

}  // namespace
}  // namespace gantry::api
