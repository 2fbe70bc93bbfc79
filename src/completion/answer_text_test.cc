#include "completion/answer_text.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/scenario/fakes.h"

namespace gantry::completion {
namespace {

using testing::ByteTokenizer;

TokenReport report_of(TokenId token) {
  return {.chosen = {token, std::string(1, static_cast<char>(token)), -1}, .top = {}};
}

struct Heard {
  std::vector<std::string> pieces;
  std::string text, reported;
};

Heard hear(const std::string& answer, const std::vector<std::string>& stops) {
  const ByteTokenizer tokenizer;
  AnswerText text(tokenizer, {}, stops);
  Heard heard;
  const auto note = [&](const Delta& delta) {
    heard.pieces.push_back(delta.text);
    heard.text += delta.text;
    for (const TokenReport& report : delta.tokens) heard.reported += report.chosen.bytes;
  };
  for (const char c : answer) {
    Delta delta;
    const TokenId token = static_cast<unsigned char>(c);
    text.push(token, report_of(token), delta);
    note(delta);
    if (text.stopped()) break;
  }
  Delta last;
  text.finish(last);
  note(last);
  return heard;
}

TEST(AnswerText, PiecesAreWholeUtf8) {
  const Heard heard = hear("a\xC3\xA9\xF0\x9F\x98\x80z", {});
  EXPECT_EQ(heard.pieces,
            (std::vector<std::string>{"a", "", "\xC3\xA9", "", "", "", "\xF0\x9F\x98\x80", "z", ""}));
  EXPECT_EQ(heard.reported, heard.text);
}

TEST(AnswerText, AnUnfinishedCharacterBecomesTheReplacement) {
  EXPECT_EQ(hear("a\xF0\x9F", {}).text, "a\xEF\xBF\xBD");
}

TEST(AnswerText, ReportsTheTokensOfWhatIsShown) {
  const Heard heard = hear("one END two", {"END"});
  EXPECT_EQ(heard.text, "one ");
  EXPECT_EQ(heard.reported, "one ");
}

TEST(AnswerText, KeepsReportsWithTheTextThatIsHeldBack) {
  const Heard heard = hear("one ENd", {"END"});
  EXPECT_EQ(heard.pieces, (std::vector<std::string>{"o", "n", "e", " ", "", "", "ENd", ""}));
  EXPECT_EQ(heard.reported, "one ENd");
}

TEST(AnswerText, AStopStringOfManyBytesIsFoundWithinCharacters) {
  EXPECT_EQ(hear("caf\xC3\xA9 noir", {"\xC3\xA9"}).text, "caf");
}

TEST(AnswerText, TheLeadingSpaceIsTextAfterAPromptWithText) {
  const ByteTokenizer tokenizer(false, tokenizer::LeadingSpace::kPutInFront);
  const auto first_piece = [&](std::vector<TokenId> prompt) {
    AnswerText text(tokenizer, prompt, {});
    Delta delta;
    text.push(' ', std::nullopt, delta);
    text.push('x', std::nullopt, delta);
    return delta.text;
  };
  EXPECT_EQ(first_piece({testing::kBos}), "x");
  EXPECT_EQ(first_piece({testing::kBos, 'a'}), " x");
  EXPECT_EQ(first_piece({testing::kBos, 'a', testing::kTurn}), " x");
}

TEST(AnswerText, ATokenBeyondTheVocabularyHasNoText) {
  const ByteTokenizer tokenizer;
  AnswerText text(tokenizer, {}, {});
  Delta delta;
  text.push(static_cast<TokenId>(tokenizer.size()), std::nullopt, delta);
  text.push('x', std::nullopt, delta);
  EXPECT_EQ(delta.text, "x");
}

}  // namespace
}  // namespace gantry::completion
