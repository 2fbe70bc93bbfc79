#include "tokenizer/spm.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

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

VocabBuilder small_vocab(bool bytes = true) {
  VocabBuilder builder("llama");
  builder.add("<unk>", TokenKind::kUnknown).add("<s>", TokenKind::kControl).add("</s>", TokenKind::kControl);
  if (bytes) builder.add_byte_tokens();
  builder.add("a", TokenKind::kNormal, -10)
      .add("b", TokenKind::kNormal, -11)
      .add("c", TokenKind::kNormal, -12);
  builder.add("\u2581", TokenKind::kNormal, -9)
      .add("ab", TokenKind::kNormal, -2)
      .add("bc", TokenKind::kNormal, -1);
  builder.add("aa", TokenKind::kNormal, -3)
      .add("\u2581a", TokenKind::kNormal, -4)
      .add("\u2581\u2581", TokenKind::kNormal, -5);
  auto& data = builder.data();
  data.special.unk = 0;
  data.special.bos = 1;
  data.special.eos = 2;
  data.special.add_bos = true;
  data.add_space_prefix = true;
  return builder;
}

TEST(Spm, joins_the_best_score_first_and_equals_from_the_left) {
  const auto tokenizer = small_vocab().build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("abc", {})), (Texts{"\u2581a", "bc"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("baaa", {})), (Texts{"\u2581", "b", "aa", "a"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("b  a", {})), (Texts{"\u2581", "b", "\u2581", "\u2581a"}));
}

TEST(Spm, spells_bytes_or_gives_one_unknown) {
  const auto with_bytes = small_vocab().build();
  EXPECT_EQ(texts_of(*with_bytes, with_bytes->encode("z\u00E4\xFF", {})),
            (Texts{"\u2581", "<0x7A>", "<0xC3>", "<0xA4>", "<0xFF>"}));
  EXPECT_EQ(with_bytes->decode(with_bytes->encode("z\u00E4", {})), "z\u00E4");
  const auto without = small_vocab(false).build();
  EXPECT_EQ(texts_of(*without, without->encode("zza z zb", {})),
            (Texts{"\u2581", "<unk>", "a", "\u2581", "<unk>", "\u2581", "<unk>", "b"}));
  EXPECT_EQ(without->decode(without->encode("za", {})), " \u2047 a");
}

TEST(Spm, puts_a_space_in_front_and_takes_it_away) {
  auto builder = small_vocab();
  const auto with = builder.build();
  for (const char* text : {"a", " a", "  a", "", " ", "a b"}) {
    EXPECT_EQ(with->decode(with->encode(text, {})), text);
    EXPECT_EQ(with->decode(with->encode(text, {.add_special = true})), text);
  }
  EXPECT_EQ(with->encode("", {}), std::vector<TokenId>{});
  builder.data().add_space_prefix = false;
  const auto without = builder.build();
  EXPECT_EQ(texts_of(*without, without->encode("a a", {})), (Texts{"a", "\u2581a"}));
  EXPECT_EQ(without->decode(without->encode(" a", {})), " a");
}

TEST(Spm, adds_bos_and_eos_where_the_vocabulary_asks) {
  auto builder = small_vocab();
  EXPECT_EQ(texts_of(*builder.build(), builder.build()->encode("a", {.add_special = true})),
            (Texts{"<s>", "\u2581a"}));
  EXPECT_EQ(texts_of(*builder.build(), builder.build()->encode("", {.add_special = true})), Texts{"<s>"});
  builder.data().special.add_bos = false;
  builder.data().special.add_eos = true;
  EXPECT_EQ(texts_of(*builder.build(), builder.build()->encode("a", {.add_special = true})),
            (Texts{"\u2581a", "</s>"}));
}

TEST(Spm, text_never_becomes_a_control_token_by_merging) {
  VocabBuilder builder("llama");
  builder.add("<unk>", TokenKind::kUnknown).add("<s>", TokenKind::kControl);
  for (const char* piece : {"<", "s", ">", "<s", "s>"}) builder.add(piece);
  const auto tokenizer = builder.build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("<s>", {})), (Texts{"<s", ">"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("<s>", {.parse_special = true})), Texts{"<s>"});
}

// An unused piece is a step of merging, and becomes again what was joined last to make it.
TEST(Spm, unused_pieces_come_out_as_their_parts) {
  VocabBuilder builder("llama");
  builder.add("<unk>", TokenKind::kUnknown);
  for (const char* piece : {"a", "b", "c", "d"}) builder.add(piece, TokenKind::kNormal, -9);
  builder.add("ab", TokenKind::kUnused, -1).add("cd", TokenKind::kNormal, -2);
  builder.add("abcd", TokenKind::kUnused, -3).add("abb", TokenKind::kNormal, -4);
  builder.data().special.unk = 0;
  const auto tokenizer = builder.build();
  const auto encoded = [&](std::string_view text) {
    return texts_of(*tokenizer, tokenizer->encode(text, {}));
  };
  EXPECT_EQ(encoded("abcd"), (Texts{"a", "b", "cd"}));
  EXPECT_EQ(encoded("abb"), Texts{"abb"});
  EXPECT_EQ(encoded("abxab"), (Texts{"a", "b", "<unk>", "a", "b"}));
  // Nothing is joined to make a single character, nor is it reached by merging.
  builder.data().kinds[1] = TokenKind::kUnused;
  const auto single = builder.build();
  EXPECT_EQ(texts_of(*single, single->encode("ac", {})), (Texts{"a", "c"}));
}

TEST(Spm, the_last_way_to_an_unused_piece_counts_for_the_whole_text) {
  VocabBuilder builder("llama");
  builder.add("<unk>", TokenKind::kUnknown);
  for (const char* piece : {"a", "b", "c", "d"}) builder.add(piece, TokenKind::kNormal, -9);
  builder.add("ab", TokenKind::kNormal, -1).add("bc", TokenKind::kNormal, -2);
  builder.add("dab", TokenKind::kNormal, -1.5f).add("abc", TokenKind::kUnused, -3);
  builder.data().special.unk = 0;
  const auto tokenizer = builder.build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("abc", {})), (Texts{"ab", "c"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("abc dabc", {})), (Texts{"ab", "c", "<unk>", "dab", "c"}));
}

// A piece with a space inside forbids encoding words apart.
TEST(Spm, pieces_may_span_words) {
  auto builder = small_vocab();
  builder.add("a\u2581", TokenKind::kNormal, -0.5f).add("a\u2581b", TokenKind::kNormal, -0.25f);
  const auto tokenizer = builder.build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("ca b", {})), (Texts{"\u2581", "c", "a\u2581b"}));
}

TEST(Spm, any_score_has_its_place) {
  auto builder = small_vocab();
  auto& scores = builder.data().scores;
  scores[scores.size() - 5] = std::numeric_limits<float>::infinity();  // "ab"
  scores[scores.size() - 4] = -std::numeric_limits<float>::infinity();
  scores[scores.size() - 3] = std::nanf("");
  const auto tokenizer = builder.build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("cabc", {})), (Texts{"\u2581", "c", "ab", "c"}));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("aaabc", {})), "aaabc");
}

}  // namespace
}  // namespace gantry::tokenizer
