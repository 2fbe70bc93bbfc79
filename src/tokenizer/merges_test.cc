#include "tokenizer/merges.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tokenizer/pre_split.h"
#include "tokenizer/testing.h"

namespace gantry::tokenizer {
namespace {

// The rule itself: the pair of the lowest order, the leftmost of equals, until none is left.
using Rules = std::map<std::pair<TokenId, TokenId>, Merge>;

std::vector<TokenId> merged_plainly(std::vector<TokenId> tokens, const Rules& rules) {
  while (true) {
    size_t best = tokens.size();
    Merge merge;
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto rule = rules.find({tokens[i], tokens[i + 1]});
      if (rule == rules.end() || (best < tokens.size() && rule->second.order >= merge.order)) continue;
      best = i;
      merge = rule->second;
    }
    if (best == tokens.size()) return tokens;
    tokens[best] = merge.token;
    tokens.erase(tokens.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST(Merger, does_what_the_rule_says) {
  std::mt19937 chance(5);
  for (int round = 0; round < 300; ++round) {
    const auto letters = static_cast<TokenId>(2 + chance() % 3);
    Rules rules;
    TokenId made = letters;
    for (uint32_t i = 0; i < 2 + chance() % 12; ++i) {
      const std::pair<TokenId, TokenId> pair{static_cast<TokenId>(chance() % static_cast<uint32_t>(made)),
                                             static_cast<TokenId>(chance() % static_cast<uint32_t>(made))};
      // Orders that repeat, as scores do, and that fall as well as rise.
      if (rules.emplace(pair, Merge{static_cast<uint32_t>(chance() % 8), made}).second) ++made;
    }
    const size_t size = chance() % 4 == 0 ? 41 + chance() % 400 : chance() % 44;
    std::vector<TokenId> tokens(size);
    for (TokenId& token : tokens) token = static_cast<TokenId>(chance() % static_cast<uint32_t>(letters));

    Merger merger;
    for (uint32_t i = 0; i < size; ++i) merger.add(i, 1, tokens[i]);
    uint64_t steps = 0;
    merger.run(
        [&](TokenId left, TokenId right, uint32_t, uint32_t) {
          const auto rule = rules.find({left, right});
          return rule == rules.end() ? Merge{} : rule->second;
        },
        steps);
    std::vector<TokenId> got;
    size_t bytes = 0;
    merger.for_each([&](uint32_t start, uint32_t length, TokenId token) {
      EXPECT_EQ(start, bytes);
      bytes += length;
      got.push_back(token);
    });
    EXPECT_EQ(bytes, size);
    ASSERT_EQ(got, merged_plainly(tokens, rules)) << "round " << round;
  }
}

// Pieces that are cut where nothing joins, remembered, and merged by a heap give what plain merging gives.
TEST(Bpe, shortcuts_do_not_show) {
  std::mt19937 chance(7);
  const std::vector<std::string> characters = {"a", "b", "é", "中", "丁", "國", "😀", "\xE4", "\xB8", "1"};
  for (int round = 0; round < 40; ++round) {
    testing::VocabBuilder builder("gpt2", "gpt-2");
    builder.add_byte_letters();
    std::vector<std::string> pieces;
    for (int byte = 0; byte < 256; ++byte) pieces.emplace_back(1, static_cast<char>(byte));
    const auto any_piece = [&]() -> const std::string& {
      if (pieces.size() > 256 && chance() % 2 == 0) return pieces[256 + chance() % (pieces.size() - 256)];
      const std::string& character = characters[chance() % characters.size()];
      return pieces[static_cast<uint8_t>(character[chance() % character.size()])];
    };
    for (int i = 0; i < 40; ++i) {
      const std::string left = any_piece();
      const std::string right = any_piece();
      if (left.size() + right.size() > 12) continue;
      if (std::find(pieces.begin(), pieces.end(), left + right) == pieces.end()) {
        pieces.push_back(left + right);
        builder.add_merge(left, right);
      }
    }
    const auto tokenizer = builder.build();
    Rules rules;
    for (uint32_t rank = 0; rank < builder.data().merges.size(); ++rank) {
      const std::string_view merge = builder.data().merges[rank];
      const size_t space = merge.find(' ');
      const std::string left(merge.substr(0, space));
      const std::string right(merge.substr(space + 1));
      rules.emplace(std::pair{*tokenizer->find(left), *tokenizer->find(right)},
                    Merge{rank, *tokenizer->find(left + right)});
    }
    for (int text_number = 0; text_number < 20; ++text_number) {
      std::string text;
      for (size_t i = chance() % 120; i > 0; --i) {
        text += chance() % 8 == 0 ? " " : characters[chance() % characters.size()];
      }
      std::vector<TokenId> wanted;
      uint64_t steps = 0;
      split(*find_pre_split("gpt-2"), text, steps, [&](std::string_view piece) {
        std::vector<TokenId> bytes;
        for (const char c : piece) bytes.push_back(static_cast<uint8_t>(c));
        const auto part = merged_plainly(bytes, rules);
        wanted.insert(wanted.end(), part.begin(), part.end());
        return true;
      });
      ASSERT_EQ(tokenizer->encode(text, {}), wanted) << ::testing::PrintToString(text);
    }
  }
}

// Stretches of a few bytes, so that most of them meet where they must not at first.
TEST(Merger, long_texts_come_out_as_if_merged_as_a_whole) {
  std::mt19937 chance(7);
  for (int round = 0; round < 2000; ++round) {
    const auto letters = static_cast<TokenId>(1 + chance() % 4);
    Rules rules;
    TokenId made = letters;
    for (uint32_t i = 0; i < 2 + chance() % 40; ++i) {
      const std::pair<TokenId, TokenId> pair{static_cast<TokenId>(chance() % static_cast<uint32_t>(made)),
                                             static_cast<TokenId>(chance() % static_cast<uint32_t>(made))};
      if (rules.emplace(pair, Merge{static_cast<uint32_t>(chance() % 30), made}).second) ++made;
    }
    std::string text;
    std::vector<TokenId> tokens;
    const size_t size = 1 + chance() % 600;
    const size_t period = 1 + chance() % 20;  // or none
    for (size_t i = 0; i < size; ++i) {
      const bool repeats = round % 2 == 0 && i >= period;
      tokens.push_back(repeats ? tokens[i - period]
                               : static_cast<TokenId>(chance() % static_cast<uint32_t>(letters)));
      text.push_back(static_cast<char>('a' + tokens.back()));
    }
    Merger merger;
    uint64_t steps = 0;
    std::vector<TokenId> got;
    std::string joined;
    merge_text(
        text, merger,
        [](std::string_view all, size_t at) { return std::pair<uint32_t, TokenId>(1, all[at] - 'a'); },
        [&](TokenId left, TokenId right, std::string_view) {
          const auto rule = rules.find({left, right});
          return rule == rules.end() ? Merge{} : rule->second;
        },
        steps,
        [&](std::string_view part, TokenId token) {
          got.push_back(token);
          joined += part;
          return true;
        },
        8 + chance() % 60);
    EXPECT_EQ(joined, text);
    ASSERT_EQ(got, merged_plainly(tokens, rules)) << "round " << round;
  }
}

}  // namespace
}  // namespace gantry::tokenizer
