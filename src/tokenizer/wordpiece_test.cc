#include "tokenizer/wordpiece.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tokenizer/testing.h"

namespace gantry::tokenizer {
namespace {

using testing::VocabBuilder;
using Texts = std::vector<std::string>;

VocabBuilder small_vocab() {
  VocabBuilder builder("bert");
  builder.add("[UNK]", TokenKind::kUnknown)
      .add("[CLS]", TokenKind::kControl)
      .add("[SEP]", TokenKind::kControl);
  for (const char* piece :
       {"\u2581play", "\u2581pla", "ing", "ed", "\u2581cafe", "\u2581,", "\u2581\u4E2D", "\u2581$"}) {
    builder.add(piece);
  }
  auto& special = builder.data().special;
  special.unk = 0;
  special.bos = 1;
  special.sep = 2;
  special.add_bos = true;
  builder.data().add_sep = true;
  return builder;
}

Texts encoded(VocabBuilder& builder, std::string_view text, const EncodeOptions& options = {}) {
  const auto tokenizer = builder.build();
  Texts texts;
  for (const TokenId id : tokenizer->encode(text, options)) texts.emplace_back(tokenizer->text(id));
  return texts;
}

TEST(WordPiece, spells_words_by_the_longest_pieces) {
  auto builder = small_vocab();
  EXPECT_EQ(encoded(builder, "playing  played"), (Texts{"\u2581play", "ing", "\u2581play", "ed"}));
  EXPECT_EQ(encoded(builder, "playful playing"), (Texts{"[UNK]", "\u2581play", "ing"}));
  EXPECT_EQ(encoded(builder, ""), Texts{});
}

TEST(WordPiece, cuts_at_punctuation_and_ideographs) {
  auto builder = small_vocab();
  EXPECT_EQ(encoded(builder, "play,play\u4E2Dplay$"),
            (Texts{"\u2581play", "\u2581,", "\u2581play", "\u2581\u4E2D", "\u2581play", "\u2581$"}));
}

TEST(WordPiece, cleans_lowers_and_strips) {
  auto builder = small_vocab();
  EXPECT_EQ(encoded(builder, "CAF\u00C9\u200B PL\u0001AY"), (Texts{"\u2581"
                                                                   "cafe",
                                                                   "\u2581play"}));
  builder.data().strip_accents = false;
  EXPECT_EQ(encoded(builder, "caf\u00E9"), Texts{"[UNK]"});
  builder.data().lowercase = false;
  EXPECT_EQ(encoded(builder, "Play"), Texts{"[UNK]"});
}

// As BERT's own: controls go before white space is looked for, and only tab, line feed and carriage return
// are not counted among them.
TEST(WordPiece, controls_do_not_part_words) {
  auto builder = small_vocab();
  for (const char* control : {"\v", "\f", "\u0085", "\x1C", "\x1F"}) {
    EXPECT_EQ(encoded(builder, std::string("play") + control + "ing"), (Texts{"\u2581play", "ing"}));
  }
  for (const char* space : {"\t", "\n", "\r", "\u00A0", "\u2028", "\u3000"}) {
    EXPECT_EQ(encoded(builder, std::string("play") + space + "play"), (Texts{"\u2581play", "\u2581play"}));
  }
}

TEST(WordPiece, a_word_of_more_than_a_hundred_characters_is_unknown) {
  auto builder = small_vocab();
  builder.add("\u2581\u00E4").add("\u00E4").add("\u0307").add("\u2581i");
  builder.data().strip_accents = false;
  const auto word = [](size_t characters) {
    std::string text;
    for (size_t i = 0; i < characters; ++i) text += "\u00C4";
    return text;
  };
  EXPECT_EQ(encoded(builder, word(100)).size(), 100u);
  EXPECT_EQ(encoded(builder, word(101)), Texts{"[UNK]"});
  EXPECT_EQ(encoded(builder, word(60) + " " + word(60)).size(), 120u);
  // The one letter that becomes two in lower case.
  EXPECT_EQ(encoded(builder, "\u0130"), (Texts{"\u2581i", "\u0307"}));
}

TEST(WordPiece, puts_cls_and_sep_around) {
  auto builder = small_vocab();
  EXPECT_EQ(encoded(builder, "play", {.add_special = true}), (Texts{"[CLS]", "\u2581play", "[SEP]"}));
  const auto tokenizer = builder.build();
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("playing, play", {.add_special = true})), "playing , play");
}

}  // namespace
}  // namespace gantry::tokenizer
