#include "tokenizer/tokenizer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "text/utf8.h"
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

VocabBuilder bytes_and(std::initializer_list<std::pair<const char*, TokenKind>> markers) {
  VocabBuilder builder("gpt2", "gpt-2");
  builder.add_byte_letters();
  for (const auto& [text, kind] : markers) builder.add(text, kind);
  return builder;
}

TEST(Specials, are_parsed_only_where_allowed) {
  const auto tokenizer =
      bytes_and({{"<|a|>", TokenKind::kControl}, {"<u>", TokenKind::kUserDefined}}).build();
  const std::string text = "x<|a|>y<u>z";
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode(text, {.parse_special = true})),
            (Texts{"x", "<|a|>", "y", "<u>", "z"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode(text, {})),
            (Texts{"x", "<", "|", "a", "|", ">", "y", "<u>", "z"}));
}

TEST(Specials, the_leftmost_longest_wins) {
  const auto tokenizer = bytes_and({{"<a", TokenKind::kControl},
                                    {"<a>", TokenKind::kControl},
                                    {"<a>b", TokenKind::kUserDefined},
                                    {">bcd", TokenKind::kControl}})
                             .build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("<a>bcd<a>", {.parse_special = true})),
            (Texts{"<a>b", "c", "d", "<a>"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("<a", {.parse_special = true})), Texts{"<a"});
  // Without control tokens the longer one still counts when it is user-defined, and nothing shorter does.
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("<a>b<a>", {})), (Texts{"<a>b", "<", "a", ">"}));
}

TEST(Specials, some_swallow_the_white_space_beside_them) {
  auto builder = bytes_and({{"<l>", TokenKind::kControl}, {"<r>", TokenKind::kControl}});
  builder.data().swallow_left = {256};
  builder.data().swallow_right = {257};
  const auto tokenizer = builder.build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("a \n<l> b <r> \t c", {.parse_special = true})),
            (Texts{"a", "<l>", "\u0120", "b", "\u0120", "<r>", "c"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("  <l><r>  ", {.parse_special = true})),
            (Texts{"<l>", "<r>"}));
}

TEST(Specials, ends_of_generation_are_found_by_id_and_text) {
  auto builder = bytes_and({{"<|im_end|>", TokenKind::kControl},
                            {"<|endoftext|>", TokenKind::kControl},
                            {"<end_of_turn>", TokenKind::kUserDefined},
                            {"<|eot_id|>", TokenKind::kNormal},
                            {"<stop>", TokenKind::kControl}});
  builder.data().special.eos = 260;
  find_end_markers(builder.data());
  const auto tokenizer = builder.build();
  EXPECT_EQ(tokenizer->special().end_of_generation, (std::vector<TokenId>{256, 257, 258, 260}));
  EXPECT_EQ(tokenizer->special().eot, 256);
  EXPECT_TRUE(tokenizer->ends_generation(260));
  EXPECT_FALSE(tokenizer->ends_generation(259));
  // Plain text cannot spell an end marker that the file called user-defined.
  EXPECT_EQ(tokenizer->kind(258), TokenKind::kControl);
  EXPECT_GT(tokenizer->encode("<end_of_turn>", {}).size(), 1u);
}

TEST(Specials, a_message_end_among_several_ends_nothing) {
  auto builder = bytes_and({{"<|end|>", TokenKind::kControl},
                            {"<|return|>", TokenKind::kControl},
                            {"<|call|>", TokenKind::kControl}});
  builder.data().special.eos = 257;
  find_end_markers(builder.data());
  EXPECT_EQ(builder.data().special.end_of_generation, (std::vector<TokenId>{257, 258}));
  auto phi = bytes_and({{"<|end|>", TokenKind::kControl}, {"<|endoftext|>", TokenKind::kControl}});
  find_end_markers(phi.data());
  EXPECT_EQ(phi.data().special.end_of_generation, (std::vector<TokenId>{256, 257}));
  EXPECT_EQ(phi.data().special.eot, 256);
}

TEST(Decode, hides_control_tokens_unless_asked) {
  const auto tokenizer = bytes_and({{"<|a|>", TokenKind::kControl}}).build();
  const std::vector<TokenId> ids = tokenizer->encode("x<|a|>y", {.parse_special = true});
  EXPECT_EQ(tokenizer->decode(ids), "xy");
  EXPECT_EQ(tokenizer->decode(ids, true), "x<|a|>y");
}

TEST(Decode, takes_any_id) {
  const auto tokenizer = bytes_and({}).build();
  for (const TokenId id : {-1, -2147483647, 256, 2147483647}) {
    EXPECT_EQ(tokenizer->token_bytes(id), "");
    EXPECT_EQ(tokenizer->text(id), "");
    EXPECT_EQ(tokenizer->kind(id), TokenKind::kUnknown);
  }
  EXPECT_EQ(tokenizer->decode(std::vector<TokenId>{-5, 64, 999}), std::string(tokenizer->token_bytes(64)));
}

TEST(StreamDecoder, gives_whole_characters_only) {
  const auto tokenizer = bytes_and({}).build();
  const auto byte = [&](int value) {
    return *tokenizer->find(to_byte_letters(std::string(1, static_cast<char>(value))));
  };
  StreamDecoder decoder(*tokenizer);
  EXPECT_EQ(decoder.push(byte('a')), "a");
  EXPECT_EQ(decoder.push(byte(0xF0)), "");
  EXPECT_EQ(decoder.push(byte(0x9F)), "");
  EXPECT_EQ(decoder.push(byte(0xA6)), "");
  EXPECT_EQ(decoder.push(byte(0x99)), "\U0001F999");
  EXPECT_EQ(decoder.push(byte(0xC3)), "");
  EXPECT_EQ(decoder.push(byte('b')), "\uFFFDb");
  EXPECT_EQ(decoder.push(byte(0xE4)), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, sums_up_to_decode_for_any_tokens) {
  const auto tokenizer = bytes_and({{"<u>", TokenKind::kUserDefined}, {"<c>", TokenKind::kControl}}).build();
  uint64_t state = 1;
  for (int round = 0; round < 300; ++round) {
    std::vector<TokenId> ids;
    for (int i = 0; i < 40; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      // Mostly lead and continuation bytes.
      const auto pick = static_cast<TokenId>((state >> 33) % 258);
      ids.push_back(pick);
    }
    StreamDecoder decoder(*tokenizer);
    std::string sum;
    for (const TokenId id : ids) {
      const std::string piece = decoder.push(id);
      EXPECT_TRUE(text::is_valid_utf8(piece));
      sum += piece;
    }
    sum += decoder.finish();
    EXPECT_EQ(sum, tokenizer->decode(ids));
    EXPECT_TRUE(text::is_valid_utf8(sum));
  }
}

TEST(StreamDecoder, a_text_that_goes_on_keeps_its_space) {
  VocabBuilder builder("llama");
  builder.add("<unk>", TokenKind::kUnknown).add("\u2581a").add("<s>", TokenKind::kControl);
  builder.data().add_space_prefix = true;
  const auto tokenizer = builder.build();
  StreamDecoder first(*tokenizer);
  EXPECT_EQ(first.push(2), "");
  EXPECT_EQ(first.push(1), "a");
  EXPECT_EQ(first.push(1), " a");
  StreamDecoder on(*tokenizer, false, false);
  EXPECT_EQ(on.push(1), " a");
}

// Work may grow a little faster than the text (heaps), never with its square.
TEST(Encode, is_near_linear_for_hard_texts) {
  auto bpe = bytes_and({{"<u>", TokenKind::kUserDefined}, {"        ", TokenKind::kUserDefined}});
  bpe.add_merge("a", "a").add_merge("aa", "aa").add_merge(" ", " ").add_merge("\xCC", "\x81");
  VocabBuilder spm("llama");
  spm.add("<unk>", TokenKind::kUnknown).add_byte_tokens();
  for (const char* piece : {"a", "aa", "aaaa", "\u2581", "\u2581\u2581", "\u0301", "\u0301\u0301", "b"})
    spm.add(piece);
  spm.data().add_space_prefix = true;
  VocabBuilder unigram("t5");
  unigram.add("<unk>", TokenKind::kUnknown);
  for (const char* piece : {"a", "aa", "aaaa", "\u2581", "\u0301", "b"})
    unigram.add(piece, TokenKind::kNormal, -1);
  unigram.data().special.unk = 0;
  VocabBuilder wordpiece("bert");
  wordpiece.add("[UNK]", TokenKind::kUnknown).add("\u2581").add("a").add("aa").add("aaaa").add("\u2581a");
  wordpiece.data().special.unk = 0;

  for (VocabBuilder* builder : {&bpe, &spm, &unigram, &wordpiece}) {
    const auto tokenizer = builder->build();
    for (const char* unit : {"a", " ", "\u0301", "ab", "a ", "\n", "<u", "\xFF", "\u4E2D"}) {
      std::string text;
      while (text.size() < 20'000) text += unit;
      uint64_t few = 0;
      uint64_t many = 0;
      tokenizer->encode_counted(text, {.parse_special = true}, few);
      tokenizer->encode_counted(text + text + text + text, {.parse_special = true}, many);
      EXPECT_LE(many, 5 * few + 1000) << builder->data().model << " " << ::testing::PrintToString(unit);
    }
  }
}

TEST(Encode, a_million_of_anything_ends) {
  auto builder = bytes_and({});
  builder.add_merge("a", "a").add_merge("aa", "aa").add_merge(" ", " ").add_merge("\xCC", "\x81");
  const auto tokenizer = builder.build();
  for (const char* unit : {"a", " ", "\u0301"}) {
    std::string text;
    for (int i = 0; i < 1'000'000; ++i) text += unit;
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, {})), text);
  }
}

}  // namespace
}  // namespace gantry::tokenizer
