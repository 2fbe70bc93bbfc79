#include "tokenizer/unigram.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
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

VocabBuilder small_vocab() {
  VocabBuilder builder("t5");
  builder.add("<unk>", TokenKind::kUnknown);
  builder.add("\u2581", TokenKind::kNormal, -2)
      .add("a", TokenKind::kNormal, -3)
      .add("b", TokenKind::kNormal, -3);
  builder.add("ab", TokenKind::kNormal, -5)
      .add("ba", TokenKind::kNormal, -4)
      .add("\u2581a", TokenKind::kNormal, -4);
  builder.add("unused", TokenKind::kUnused, 0);
  builder.data().special.unk = 0;
  builder.data().add_space_prefix = true;
  builder.data().remove_extra_whitespaces = true;
  return builder;
}

// A map of one rule: 'X' becomes this.
std::string one_rule_charsmap(const std::string& replacement = "ab") {
  const auto u32 = [](std::string& out, uint32_t value) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  };
  std::vector<uint32_t> units(256, 0);
  units[0] = 0;                               // the root: children at 0 ^ byte
  units['X'] = 'X' | (1u << 8) | (1u << 10);  // a value follows, at 'X' ^ 1
  units['X' ^ 1] = 0x80000000u | 0u;          // the replacement at 0
  std::string map;
  u32(map, static_cast<uint32_t>(units.size() * 4));
  for (const uint32_t unit : units) u32(map, unit);
  return map + replacement + '\0';
}

// The rule itself: of each place the best way to it, the first of equals, sums rounded to float.
std::vector<TokenId> cut_plainly(std::string_view text, const std::vector<std::string>& pieces,
                                 const std::vector<float>& scores) {
  struct Way {
    double score = 0;
    size_t from = 0;
    int piece = -1;
  };
  std::vector<Way> best(text.size() + 1);
  for (size_t at = 0; at < text.size(); ++at)
    // As a trie gives them: the shorter one first.
    for (size_t bytes = 1; bytes <= 8; ++bytes)
      for (size_t i = 0; i < pieces.size(); ++i) {
        if (pieces[i].size() != bytes || !text.substr(at).starts_with(pieces[i])) continue;
        Way& way = best[at + bytes];
        const double score = best[at].score + scores[i];
        if (way.piece < 0 || score > way.score)
          way = {double{static_cast<float>(score)}, at, static_cast<int>(i)};
      }
  std::vector<TokenId> tokens;
  for (size_t end = text.size(); end > 0; end = best[end].from) tokens.push_back(best[end].piece);
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

// One word of which pieces reach over every place, longer than what is kept of its ways.
TEST(Unigram, cuts_a_word_without_an_end_as_a_whole) {
  std::mt19937 chance(11);
  for (int round = 0; round < 24; ++round) {
    VocabBuilder builder("t5");
    std::vector<std::string> pieces = {"a", "b"};
    while (pieces.size() < 14) {
      std::string piece;
      for (size_t i = 2 + chance() % 6; i > 0; --i) piece += chance() % 3 == 0 ? "b" : "a";
      if (std::find(pieces.begin(), pieces.end(), piece) == pieces.end()) pieces.push_back(piece);
    }
    std::vector<float> scores;
    for (const std::string& piece : pieces) {
      scores.push_back(-2 * static_cast<float>(piece.size()) - static_cast<float>(chance() % 100) / 32);
      builder.add(piece, TokenKind::kNormal, scores.back());
    }
    builder.add("<unk>", TokenKind::kUnknown);
    builder.data().special.unk = static_cast<TokenId>(pieces.size());
    const auto tokenizer = builder.build();
    std::string text;
    const size_t period = 1 + chance() % 9;
    for (size_t i = 0; i < 70'000; ++i) {
      if (round % 2 == 0 && i >= period)
        text += text[i - period];
      else
        text += chance() % 3 == 0 ? 'b' : 'a';
    }
    EXPECT_TRUE(tokenizer->encode(text, {}) == cut_plainly(text, pieces, scores)) << "round " << round;
  }
}

TEST(Unigram, takes_the_cut_with_the_best_sum) {
  const auto tokenizer = small_vocab().build();
  // "_a" + "ba" = -8 beats "_" + "ab" + "a" = -10.
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("aba", {})), (Texts{"\u2581a", "ba"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("bab", {})), (Texts{"\u2581", "ba", "b"}));
}

TEST(Unigram, unknown_characters_in_a_row_are_one_token) {
  const auto tokenizer = small_vocab().build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("azz\u4E2Db", {})), (Texts{"\u2581a", "<unk>", "b"}));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("azb", {})), "a \u2047 b");
  auto with_bytes = small_vocab();
  with_bytes.add_byte_tokens();
  const auto spelled = with_bytes.build();
  EXPECT_EQ(texts_of(*spelled, spelled->encode("a\u00E4", {})), (Texts{"\u2581a", "<0xC3>", "<0xA4>"}));
}

TEST(Unigram, white_space_is_merged_where_the_file_says) {
  auto builder = small_vocab();
  const auto merged = builder.build();
  EXPECT_EQ(texts_of(*merged, merged->encode("  a   b ", {})), (Texts{"\u2581a", "\u2581", "b"}));
  EXPECT_EQ(merged->encode("   ", {}), std::vector<TokenId>{});
  builder.data().remove_extra_whitespaces = false;
  const auto kept = builder.build();
  EXPECT_EQ(kept->decode(kept->encode("  a   b ", {})), "  a   b ");
}

// The best cut of a text as the paper (Kudo, "Subword regularization", 2018) has it, whole and without
// anything remembered; pieces of ASCII and the space mark. In float: as SentencePiece rounds.
struct Piece {
  TokenId token;
  float score;
};
std::vector<TokenId> plain_viterbi(const std::map<std::string, Piece>& pieces, const std::string& text,
                                   float unknown, bool in_float) {
  struct Way {
    double score = 0;
    size_t start = std::string::npos;
    TokenId token = kNoToken;
  };
  std::vector<Way> ways(text.size() + 1);
  const auto rounded = [&](double sum) { return in_float ? double{static_cast<float>(sum)} : sum; };
  const auto offer = [&](size_t start, size_t end, double sum, TokenId token) {
    if (ways[end].start == std::string::npos || sum > ways[end].score)
      ways[end] = {rounded(sum), start, token};
  };
  for (size_t start = 0, bytes = 0; start < text.size(); start += bytes) {
    bytes = text[start] == '\xE2' ? 3 : 1;
    bool known = false;
    for (size_t n = 1; n <= 9 && start + n <= text.size(); ++n) {
      const auto piece = pieces.find(text.substr(start, n));
      if (piece == pieces.end()) continue;
      offer(start, start + n, ways[start].score + double{piece->second.score}, piece->second.token);
      known |= n == bytes;
    }
    if (!known) offer(start, start + bytes, rounded(ways[start].score + double{unknown}), 0);
  }
  std::vector<TokenId> cut;
  for (size_t end = text.size(); end > 0; end = ways[end].start)
    if (ways[end].token != 0 || cut.empty() || cut.back() != 0) cut.push_back(ways[end].token);
  return {cut.rbegin(), cut.rend()};
}

// Each word alone, in double.
std::vector<TokenId> viterbi_by_word(const std::map<std::string, Piece>& pieces, const std::string& text,
                                     float unknown) {
  std::vector<TokenId> all;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find_first_not_of("\u2581", at);
    end = std::min(text.find('\xE2', std::min(end, text.size())), text.size());
    const auto word = plain_viterbi(pieces, text.substr(at, end - at), unknown, false);
    all.insert(all.end(), word.begin(), word.end());
    at = end;
  }
  return all;
}

// Words are known again, but only where the sums before them cannot change how they are cut.
TEST(Unigram, words_seen_before_are_cut_as_if_they_were_new) {
  std::mt19937 random(1);
  const auto below = [&](unsigned n) { return static_cast<size_t>(random() % n); };
  for (const auto& [across, by_word] : {std::pair(false, false), {true, false}, {false, true}}) {
    VocabBuilder builder("t5");
    builder.data().sums_by_word = by_word;
    builder.add("<unk>", TokenKind::kUnknown);
    std::map<std::string, Piece> pieces;
    const auto add = [&](const std::string& piece, float score) {
      if (pieces.try_emplace(piece, Piece{static_cast<TokenId>(pieces.size() + 1), score}).second)
        builder.add(piece, TokenKind::kNormal, score);
    };
    for (const char* letter : {"a", "b", "c", "d", "e"}) add(letter, -2.3f);
    add("\u2581", -6.9f);
    add("lowest", -30);
    for (int i = 0; i < 200; ++i) {
      std::string piece = below(3) == 0 ? "\u2581" : "";
      for (size_t n = below(3) + 1; n > 0; --n) piece += static_cast<char>('a' + below(5));
      if (across && below(8) == 0) piece += "\u2581";
      // Of every other one what its letters score: cuts that only rounding tells apart.
      add(piece, (below(2) == 0 ? -2.3f : -1.7f) * static_cast<float>(piece.size()));
    }
    builder.data().special.unk = 0;
    const auto tokenizer = builder.build();
    std::vector<std::string> words;
    for (int i = 0; i < 60; ++i) {
      std::string word(below(9) + 1, 'a');
      for (char& c : word) c = static_cast<char>('a' + below(below(10) == 0 ? 7 : 5));
      words.push_back(word);
    }
    for (const size_t length : {10u, 300u, 20000u}) {
      std::string text, marked;
      for (size_t i = 0; i < length; ++i) {
        const std::string& word = words[below(60)];
        text += word + (below(20) == 0 ? "  " : " ");
      }
      for (const char c : text) marked += c == ' ' ? "\u2581" : std::string(1, c);
      const auto wanted =
          by_word ? viterbi_by_word(pieces, marked, -40) : plain_viterbi(pieces, marked, -40, true);
      EXPECT_EQ(tokenizer->encode(text, {}), wanted) << across << by_word << length;
    }
  }
}

TEST(Unigram, the_space_in_front_is_put_before_what_comes_to_nothing) {
  const std::string map = one_rule_charsmap("");
  auto builder = small_vocab();
  builder.data().charsmap = map;
  EXPECT_EQ(builder.build()->encode("X", {}), std::vector<TokenId>{});
  builder.data().remove_extra_whitespaces = false;
  const auto kept = builder.build();
  EXPECT_EQ(texts_of(*kept, kept->encode("X", {})), (Texts{"\u2581"}));
  EXPECT_EQ(kept->encode("", {}), std::vector<TokenId>{});
}

TEST(Unigram, replaces_by_the_charsmap) {
  const std::string map = one_rule_charsmap();
  auto builder = small_vocab();
  builder.data().charsmap = map;
  const auto tokenizer = builder.build();
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("X", {})), (Texts{"\u2581", "ab"}));
  EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode("aXa", {})), (Texts{"\u2581a", "a", "ba"}));
}

TEST(Charsmap, refuses_what_is_cut_short) {
  const std::string map = one_rule_charsmap();
  EXPECT_NO_THROW(Charsmap(map, "here"));
  for (const std::string& bad : {std::string("\x01"), std::string("\xFF\xFF\xFF\xFF", 4), map.substr(0, 100),
                                 map.substr(0, map.size() - 1), std::string("\x03\0\0\0abc", 7)}) {
    EXPECT_THROW(Charsmap(bad, "here"), Error);
  }
}

// untouched() says in one walk what longest_prefix() says place by place.
TEST(Charsmap, what_is_untouched_is_what_no_prefix_is_found_in) {
  std::mt19937 random(2);
  const std::string whole = one_rule_charsmap();
  for (int round = 0; round < 300; ++round) {
    std::string map = whole;
    for (int i = 0; i < 40; ++i) map[4 + random() % 1024] = static_cast<char>(random());
    const Charsmap charsmap(map, "here");
    std::string text;
    for (int i = 0; i < 40; ++i)
      text::append_utf8(text, static_cast<char32_t>(random() % (round % 2 == 0 ? 128 : 0x3000)));
    size_t at = 0;
    while (at < text.size() && !charsmap.longest_prefix(text.substr(at)) &&
           !(at > 0 && text[at] == ' ' && text[at - 1] == ' '))
      at += text::decode_utf8(text, at).bytes;
    EXPECT_EQ(charsmap.untouched(text), at) << round;
  }
}

TEST(Charsmap, offsets_that_lead_outside_match_nothing) {
  std::string map = one_rule_charsmap();
  for (const size_t unit : {size_t{0}, size_t{'X'}, size_t{'X' ^ 1}}) {
    std::string wild = map;
    for (size_t i = 0; i < 3; ++i) wild[4 + unit * 4 + 1 + i] = static_cast<char>(0x7F | (i == 2 ? 0x80 : 0));
    const Charsmap charsmap(wild, "here");
    const auto replaced = charsmap.longest_prefix("XXXX");
    EXPECT_LE(replaced ? replaced->consumed : 0, 4u);
  }
}

}  // namespace
}  // namespace gantry::tokenizer
