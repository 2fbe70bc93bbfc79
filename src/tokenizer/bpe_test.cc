#include "tokenizer/bpe.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "tokenizer/testing.h"

namespace gantry::tokenizer {
namespace {

using testing::VocabBuilder;
using Texts = std::vector<std::string>;

Texts texts_of(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Texts texts;
  for (const TokenId id : ids) texts.emplace_back(tokenizer.text(id));
  return texts;
}

VocabBuilder small_vocab(std::string_view pre = "gpt-2") {
  VocabBuilder builder("gpt2", pre);
  builder.add_byte_letters();
  builder.add_merge("a", "b").add_merge("b", "c").add_merge("ab", "c").add_merge("a", "a").add_merge("c",
                                                                                                     "d");
  return builder;
}

TEST(Bpe, joins_by_rank_then_from_the_left) {
  const auto tokenizer = small_vocab().build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("abcd", {})), (Texts{"abc", "d"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("aaaaa", {})), (Texts{"aa", "aa", "a"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("bcd", {})), (Texts{"bc", "d"}));
  // A piece that comes again is the same again.
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("abc.abc.abc", {})),
            (Texts{"abc", ".", "abc", ".", "abc"}));
}

TEST(Bpe, carries_every_byte) {
  const auto tokenizer = small_vocab().build();
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  std::string back;
  for (const TokenId id : tokenizer->encode(bytes, {})) back += tokenizer->token_bytes(id);
  EXPECT_EQ(back, bytes);
}

TEST(Bpe, ignore_merges_takes_whole_tokens) {
  // "xyz" is a token that no merge reaches.
  for (const char* pre : {"llama-bpe", "qwen2"}) {
    auto builder = small_vocab(pre);
    builder.add("xyz");
    const auto tokenizer = builder.build();
    const auto texts = texts_of(*tokenizer, tokenizer->encode("xyz", {}));
    EXPECT_EQ(texts, std::string_view(pre) == "llama-bpe" ? Texts{"xyz"} : (Texts{"x", "y", "z"})) << pre;
  }
}

TEST(Bpe, user_defined_tokens_come_before_merges) {
  auto builder = small_vocab();
  builder.add("bc", TokenKind::kUserDefined).add("  ", TokenKind::kUserDefined);
  const auto tokenizer = builder.build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("abcd   a", {})),
            (Texts{"a", "bc", "d", "  ", "\u0120", "a"}));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("abcd   a", {})), "abcd   a");
}

TEST(Bpe, plain_utf8_with_byte_tokens) {
  VocabBuilder builder("gemma4", "gemma4");
  builder.add("<unk>", TokenKind::kUnknown).add_byte_tokens();
  for (const char* piece : {"a", "b", "ab", "\u2581", "\u2581ab", "\n", "\n\n", "\u00E4"}) builder.add(piece);
  builder.data().merges = {"a b", "\u2581 ab"};
  const auto tokenizer = builder.build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("ab ab\n\n\u00E4\u00F6\xFF", {})),
            (Texts{"ab", "\u2581ab", "\n\n", "\u00E4", "<0xC3>", "<0xB6>", "<0xFF>"}));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(" ab\n\u00F6", {})), " ab\n\u00F6");
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("\n\n\n", {})), (Texts{"\n", "\n", "\n"}));
}

// Files name an unknown token for byte-level models, often the end of text; the models never use it.
TEST(Bpe, a_byte_that_the_vocabulary_lacks_becomes_nothing) {
  VocabBuilder builder("gpt2", "gpt-2");
  builder.add("a").add("<unk>", TokenKind::kUnknown);
  EXPECT_EQ(builder.build()->encode("aza", {}), (std::vector<TokenId>{0, 0}));
  builder.data().special.unk = 1;
  EXPECT_EQ(builder.build()->encode("aza", {}), (std::vector<TokenId>{0, 0}));
}

TEST(Bpe, plain_text_spells_a_character_in_bytes_or_gives_one_unknown) {
  VocabBuilder builder("gemma4", "gemma4");
  builder.add("<unk>", TokenKind::kUnknown).add("a").add("<0xC3>", TokenKind::kByte);
  builder.data().special.unk = 0;
  EXPECT_EQ(builder.build()->encode("a\u00E4a", {}), (std::vector<TokenId>{1, 0, 1}));
  builder.add("<0xA4>", TokenKind::kByte);
  EXPECT_EQ(builder.build()->encode("a\u00E4a", {}), (std::vector<TokenId>{1, 2, 3, 1}));
}

TEST(Bpe, whitespace_drops_white_space_and_lowers_where_asked) {
  VocabBuilder builder("whitespace", "whitespace");
  for (const char* piece : {"a", "b", "A", "\u4F60", "\u597D", "\u4F60\u597D", "ab"}) builder.add(piece);
  builder.data().merges = {"a b", "\u4F60 \u597D"};
  builder.data().lowercase = false;
  EXPECT_EQ(builder.build()->encode(" a b\u3000ab\n\u4F60\u597DA", {}),
            (std::vector<TokenId>{0, 1, 6, 5, 2}));
  builder.data().lowercase = true;
  EXPECT_EQ(builder.build()->encode("A AB", {}), (std::vector<TokenId>{0, 6}));
}

TEST(Bpe, refuses_merges_of_pieces_that_are_no_tokens) {
  for (const char* merge : {"a zz", "zz a", "a z", "ab", "", " ", "a "}) {
    auto builder = small_vocab();
    builder.data().merges.push_back(merge);
    try {
      builder.build();
      ADD_FAILURE() << merge;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadFile);
      EXPECT_NE(error.where().find("tokenizer.ggml.merges"), std::string::npos);
    }
  }
}

TEST(Bpe, names_an_unknown_pre_split) {
  try {
    small_vocab("no-such").build();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(error.message().find("no-such"), std::string::npos);
    EXPECT_NE(error.mend().find("qwen2"), std::string::npos);
  }
}

}  // namespace
}  // namespace gantry::tokenizer
