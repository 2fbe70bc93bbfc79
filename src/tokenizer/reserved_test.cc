// What somebody else wrote never becomes a token that is the template's alone.
#include "tokenizer/reserved.h"

#include <gtest/gtest.h>

#include "tokenizer/testing.h"

namespace gantry::tokenizer {
namespace {

using Ids = std::vector<TokenId>;

TEST(Reserved, is_what_is_written_as_a_marker) {
  for (const char* word :
       {"<think>", "</think>", "<|User|>", "[INST]", "[/INST]", "]~b]", "<unused7>", "[PAD151646]",
        "<seed:tool_call>", "<｜User｜>", "<tool_call>\n", ">>TITLE<<", "<s_2>"}) {
    EXPECT_TRUE(is_reserved(TokenKind::kUserDefined, word)) << word;
    EXPECT_TRUE(is_bracketed_word(word)) << word;
  }
  for (const char* word :
       {"    ", "\n\n",     "<",     "<>",   "[]",  "<<",       "</",     "[[",  "õ",   "word", "->",
        "<b>",  "</table>", "<br/>", "<h1>", "<s>", "<a href>", "</ br>", "(x)", "{x}", "[1]",  "\t"})
    EXPECT_FALSE(is_reserved(TokenKind::kUserDefined, word)) << word;
  for (const char* word : {"<|im_end|>", "anything", "\n"}) {
    EXPECT_TRUE(is_reserved(TokenKind::kControl, word));
    EXPECT_TRUE(is_reserved(TokenKind::kUnknown, word));
    EXPECT_FALSE(is_reserved(TokenKind::kNormal, word));
    EXPECT_FALSE(is_reserved(TokenKind::kByte, word));
    EXPECT_FALSE(is_reserved(TokenKind::kUnused, word));
  }
}

// Letters are 0 to 255, by their byte.
struct Made {
  Made() {
    builder.add_byte_letters()
        .add("<end>", TokenKind::kControl)
        .add("<think>", TokenKind::kUserDefined)
        .add("  ", TokenKind::kUserDefined)
        .add("<b>", TokenKind::kUserDefined)
        .add("<end>x", TokenKind::kControl);
    tokenizer = builder.build();
  }
  static constexpr TokenId kEnd = 256, kThink = 257, kSpaces = 258, kBold = 259, kLonger = 260;

  // {} stand around what is given.
  Ids operator()(std::string_view written, bool parse_special = true) const {
    std::string text;
    std::vector<Range> given;
    for (const char c : written) {
      if (c == '{') {
        given.push_back({text.size(), text.size()});
      } else if (c == '}') {
        given.back().end = text.size();
      } else {
        text += c;
      }
    }
    Ids ids = tokenizer->encode(text, {.parse_special = parse_special, .given = given});
    // Nothing is lost.
    EXPECT_EQ(tokenizer->decode(ids, true), text);
    return ids;
  }

  testing::VocabBuilder builder{"gpt2", "gpt-2"};
  std::unique_ptr<BaseTokenizer> tokenizer;
};

Ids letters(std::string_view text) { return {text.begin(), text.end()}; }

TEST(Given, never_becomes_a_reserved_token) {
  const Made encode;
  EXPECT_EQ(encode("a<end>"), (Ids{'a', Made::kEnd}));
  EXPECT_EQ(encode("{a<end>}"), letters("a<end>"));
  EXPECT_EQ(encode("{<end>}<end>{<end>}"),
            (Ids{'<', 'e', 'n', 'd', '>', Made::kEnd, '<', 'e', 'n', 'd', '>'}));
  EXPECT_EQ(encode("{<think>}<think>"), (Ids{'<', 't', 'h', 'i', 'n', 'k', '>', Made::kThink}));
  // User-defined ones are found without parse_special, and reserved all the same.
  EXPECT_EQ(encode("{<think>}<think><end>", false),
            (Ids{'<', 't', 'h', 'i', 'n', 'k', '>', Made::kThink, '<', 'e', 'n', 'd', '>'}));
}

TEST(Given, not_even_in_part) {
  const Made encode;
  for (const char* text : {"{<}end>", "<end{>}", "<{e}nd>", "<e{n}{d}>", "{<en}d>", "<en{d>}", "{<e}n{d>}"})
    EXPECT_EQ(encode(text), letters("<end>")) << text;
  // The longest that is spelled without it.
  EXPECT_EQ(encode("<end>x"), Ids{Made::kLonger});
  EXPECT_EQ(encode("<end>{x}"), (Ids{Made::kEnd, 'x'}));
  EXPECT_EQ(encode("{<}<end>{>}"), (Ids{'<', Made::kEnd, '>'}));
}

TEST(Given, is_otherwise_read_as_ever) {
  const Made encode;
  EXPECT_EQ(encode("{a  b<b>}  <b>"),
            (Ids{'a', Made::kSpaces, 'b', Made::kBold, Made::kSpaces, Made::kBold}));
  EXPECT_EQ(encode("{a }{ }"), (Ids{'a', Made::kSpaces}));
  EXPECT_EQ(encode("{a } "), (Ids{'a', Made::kSpaces}));
}

// What is everybody's does not reach out of what was given and take a marker's beginning or end.
TEST(Given, takes_no_part_of_a_reserved_token) {
  const auto ids = [](const char* plain, const char* text, std::initializer_list<Range> given) {
    testing::VocabBuilder builder("gpt2", "gpt-2");
    builder.add_byte_letters()
        .add("<end>", TokenKind::kControl)
        .add("<think>", TokenKind::kUserDefined)
        .add(plain, TokenKind::kUserDefined);
    const std::vector<Range> ranges(given);
    const auto tokenizer = builder.build();
    const Ids found = tokenizer->encode(text, {.parse_special = true, .given = ranges});
    EXPECT_EQ(tokenizer->decode(found, true), text);
    return found;
  };
  constexpr TokenId kEnd = 256, kThink = 257, kPlain = 258;
  // Before it, behind it, on both sides, over more than one.
  EXPECT_EQ(ids("x<", "x<end>", {{0, 1}}), (Ids{'x', kEnd}));
  EXPECT_EQ(ids("x<", "x<think>", {{0, 1}}), (Ids{'x', kThink}));
  EXPECT_EQ(ids(" <e", "a <end>", {{0, 1}}), (Ids{'a', kPlain, 'n', 'd', '>'}));  // the template's own doing
  EXPECT_EQ(ids("a <", "a <end>", {{0, 1}}), (Ids{'a', ' ', kEnd}));
  EXPECT_EQ(ids("<end>x", "<end>x", {{5, 6}}), (Ids{kEnd, 'x'}));
  EXPECT_EQ(ids("a<end>x", "a<end>x", {{6, 7}}), (Ids{'a', kEnd, 'x'}));
  EXPECT_EQ(ids("x<end>y<", "x<end>y<end>", {{0, 1}, {6, 7}}), (Ids{'x', kEnd, 'y', kEnd}));
  EXPECT_EQ(ids("x<end>y", "x<end>y", {{0, 1}, {6, 7}}), (Ids{'x', kEnd, 'y'}));
  // Where no marker is spelled they are found as ever.
  EXPECT_EQ(ids("x<", "x<enx", {{0, 1}}), (Ids{kPlain, 'e', 'n', 'x'}));
  EXPECT_EQ(ids("x<", "x<end>", {{0, 2}}), (Ids{kPlain, 'e', 'n', 'd', '>'}));
  EXPECT_EQ(ids("x<", "x<end>", {{0, 1}, {3, 4}}), (Ids{kPlain, 'e', 'n', 'd', '>'}));
  EXPECT_EQ(ids("x<", "x<end>", {}), (Ids{kPlain, 'e', 'n', 'd', '>'}));
  EXPECT_EQ(ids("xx", "xx<end>", {{0, 2}}), (Ids{kPlain, kEnd}));
}

// Merging comes to no reserved token either, whatever its scores and merges say.
TEST(Given, is_not_merged_to_a_reserved_token) {
  for (const char* model : {"gpt2", "llama", "t5"}) {
    testing::VocabBuilder builder(model, "gpt-2");
    if (std::string_view(model) == "gpt2") {
      builder.add_byte_letters().add_merge("<", "t").add_merge("<t", ">");
      for (size_t i = 0; i < builder.data().tokens.size(); ++i)
        if (builder.data().tokens[i] == "<t>") builder.data().kinds[i] = TokenKind::kUserDefined;
    } else {
      builder.add("<unk>", TokenKind::kUnknown)
          .add("\xE2\x96\x81")
          .add("<", TokenKind::kNormal, -9)
          .add("t")
          .add(">");
      builder.add("<t", TokenKind::kNormal, -1).add("<t>", TokenKind::kUserDefined, 0);
      builder.data().special.unk = 0;
    }
    const auto tokenizer = builder.build();
    const Range all{0, 3};
    const Ids ids = tokenizer->encode("<t>", {.parse_special = true, .given = {&all, 1}});
    EXPECT_EQ(tokenizer->decode(ids, true), "<t>") << model;
    for (const TokenId id : ids) EXPECT_NE(tokenizer->text(id), "<t>") << model;
    EXPECT_EQ(tokenizer->text(tokenizer->encode("<t>", {.parse_special = true}).back()), "<t>") << model;
  }
}

// What begins or ends something is a control token, though the file calls it a word.
TEST(Special, bracketed_words_are_control_tokens) {
  for (const bool with_kinds : {false, true}) {
    testing::VocabBuilder builder("gpt2", "gpt-2");
    builder.add_byte_letters().add("<bos>").add("<|EOT|>", TokenKind::kUserDefined);
    VocabData& data = builder.data();
    data.special.bos = 256;
    data.special.eos = 257;
    data.special.eot = '\n';
    if (!with_kinds) data.kinds.clear();
    find_end_markers(data);
    const auto tokenizer = builder.build();
    EXPECT_EQ(tokenizer->kind(256), TokenKind::kControl);
    EXPECT_EQ(tokenizer->kind(257), TokenKind::kControl);
    EXPECT_EQ(tokenizer->kind('\n'), TokenKind::kNormal);  // texts have it
    EXPECT_EQ(tokenizer->encode("<bos>\n", {.parse_special = true}), (Ids{256, '\n'}));
    EXPECT_EQ(tokenizer->encode("<bos>", {}).size(), 5u);
  }
}

}  // namespace
}  // namespace gantry::tokenizer
