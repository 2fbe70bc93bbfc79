#include "tokenizer/piece_cache.h"

#include <string>

#include <gtest/gtest.h>

namespace gantry::tokenizer {
namespace {

PieceKey key_of(std::string_view piece) { return {piece, piece.data() + piece.size()}; }

TEST(PieceCache, gives_back_what_it_was_told) {
  PieceCache cache;
  std::vector<TokenId> out = {9, 1, 2};
  cache.remember(key_of("word"), 1, 1, out);
  EXPECT_TRUE(cache.replay(key_of("word"), 1, out));
  EXPECT_EQ(out, (std::vector<TokenId>{9, 1, 2, 1, 2}));
  EXPECT_FALSE(cache.replay(key_of("wor"), 1, out));
  EXPECT_FALSE(cache.replay(key_of(std::string_view("word\0", 5)), 1, out));
  EXPECT_FALSE(cache.replay(key_of("word"), 2, out));
  EXPECT_EQ(out.size(), 5u);
}

TEST(PieceCache, an_empty_table_knows_nothing) {
  PieceCache cache;
  std::vector<TokenId> out;
  for (size_t bytes = 0; bytes <= PieceKey::kBytesMax; ++bytes) {
    EXPECT_FALSE(cache.replay(key_of(std::string(bytes, '\0')), 1, out)) << bytes;
  }
}

TEST(PieceCache, what_lies_behind_a_piece_does_not_count) {
  const std::string a = "piece and a long text behind it";
  const std::string b = "piece, and another text behind it";
  for (size_t bytes = 0; bytes <= 5; ++bytes) {
    const PieceKey first(std::string_view(a).substr(0, bytes), a.data() + a.size());
    const PieceKey second(std::string_view(b).substr(0, bytes), b.data() + b.size());
    const PieceKey alone(std::string_view(b).substr(0, bytes), b.data() + bytes);
    EXPECT_EQ(first.words(), second.words());
    EXPECT_EQ(first.words(), alone.words());
    EXPECT_EQ(first.hash(), alone.hash());
  }
}

TEST(PieceCache, keeps_no_long_pieces_and_no_long_answers) {
  PieceCache cache;
  EXPECT_TRUE(key_of(std::string(PieceKey::kBytesMax, 'a')).fits());
  EXPECT_FALSE(key_of(std::string(PieceKey::kBytesMax + 1, 'a')).fits());
  std::vector<TokenId> out(9, 3);
  cache.remember(key_of("many"), 1, 0, out);
  EXPECT_FALSE(cache.replay(key_of("many"), 1, out));
  cache.remember(key_of("many"), 1, 1, out);
  EXPECT_TRUE(cache.replay(key_of("many"), 1, out));
  EXPECT_EQ(out.size(), 17u);
}

}  // namespace
}  // namespace gantry::tokenizer
