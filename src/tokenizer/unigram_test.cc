#include "tokenizer/unigram.h"

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

// A map of one rule: 'X' becomes "ab".
std::string one_rule_charsmap() {
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
  return map + std::string("ab\0", 3);
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
