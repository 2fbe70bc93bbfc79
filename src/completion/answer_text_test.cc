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
  std::string reasoning, calls, stop;
  bool ends_with_calls = false;
};

Heard hear(const std::string& answer, const std::vector<std::string>& stops,
           const std::optional<ReadReply>& reply = {}) {
  const ByteTokenizer tokenizer;
  AnswerText text(tokenizer, {}, std::make_shared<const StopStrings>(stops), reply);
  Heard heard;
  const auto note = [&](const Delta& delta) {
    heard.pieces.push_back(delta.text);
    heard.text += delta.text;
    heard.reasoning += delta.reasoning;
    for (const CallDelta& call : delta.calls) heard.calls += call.name + call.arguments;
    for (const TokenReport& report : delta.tokens) heard.reported += report.chosen.bytes;
  };
  for (const char c : answer) {
    Delta delta;
    const TokenId token = static_cast<unsigned char>(c);
    text.push(token, report_of(token), delta);
    note(delta);
    if (text.over()) break;
  }
  Delta last;
  text.finish(true, last);
  note(last);
  heard.stop = text.stop_string();
  heard.ends_with_calls = text.ends_with_calls();
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

ReadReply hermes(bool parallel_calls = true) {
  return {.format = reply::find_reply_format("hermes"),
          .options = {.tools = true,
                      .tool_list = Json::parse(R"([{"type": "function", "function": {"name": "f"}}])")},
          .parallel_calls = parallel_calls};
}

constexpr const char* kCall = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"END\"}}\n</tool_call>";

TEST(AnswerText, StopStringsBelongToTheVisibleAnswer) {
  const Heard heard = hear("<think>an END is near</think>one END two", {"END"}, hermes());
  EXPECT_EQ(heard.reasoning, "an END is near");
  EXPECT_EQ(heard.text, "one ");
  EXPECT_EQ(heard.stop, "END");
  EXPECT_EQ(heard.reported, "<think>an END is near</think>one ");
}

TEST(AnswerText, StopStringsDoNotCutCalls) {
  for (const char* stop : {"END", "tool_call", "}", "\n"}) {
    const Heard heard = hear(kCall, {stop}, hermes());
    EXPECT_EQ(heard.calls, R"(f{"a": "END"})") << stop;
    EXPECT_EQ(heard.text, "") << stop;
    EXPECT_EQ(heard.stop, "") << stop;
    EXPECT_TRUE(heard.ends_with_calls) << stop;
    EXPECT_EQ(heard.reported, kCall) << stop;
  }
}

TEST(AnswerText, AStopStringBehindACallLeavesTheCall) {
  const Heard heard = hear(std::string(kCall) + "and END", {"END"}, hermes());
  EXPECT_EQ(heard.calls, R"(f{"a": "END"})");
  EXPECT_EQ(heard.stop, "END");
  EXPECT_TRUE(heard.ends_with_calls);
}

TEST(AnswerText, NoStopStringReachesAcrossReasoning) {
  reply::ReplyFormat format = *reply::find_reply_format("hermes");
  format.reasoning = {{"<think>", "</think>", true}};
  ReadReply anywhere = hermes();
  anywhere.format = &format;
  const Heard heard = hear("one EN<think>hm</think>D", {"END"}, anywhere);
  EXPECT_EQ(heard.reasoning, "hm");
  EXPECT_EQ(heard.text, "one END");
  EXPECT_EQ(heard.stop, "");
}

TEST(AnswerText, TheAnswerEndsBeforeACallThatIsNotWanted) {
  const Heard heard = hear(std::string(kCall) + kCall, {}, hermes(false));
  EXPECT_EQ(heard.calls, R"(f{"a": "END"})");
  EXPECT_TRUE(heard.ends_with_calls);
}

// What looks like a marker and is none waits twice: for the reader of replies, then for the stop string.
TEST(AnswerText, ReportsWaitForBoth) {
  Heard heard = hear("a<tool_END", {"<tool_END"}, hermes());
  EXPECT_EQ(heard.text, "a");
  EXPECT_EQ(heard.reported, "a");
  heard = hear("a<tool_ENd", {"<tool_END"}, hermes());
  EXPECT_EQ(heard.text, "a<tool_ENd");
  EXPECT_EQ(heard.reported, heard.text);
}

TEST(AnswerText, TheLeadingSpaceIsTextAfterAPromptWithText) {
  const ByteTokenizer tokenizer(false, tokenizer::LeadingSpace::kPutInFront);
  const auto first_piece = [&](std::vector<TokenId> prompt) {
    AnswerText text(tokenizer, prompt, nullptr);
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
  AnswerText text(tokenizer, {}, nullptr);
  Delta delta;
  text.push(static_cast<TokenId>(tokenizer.size()), std::nullopt, delta);
  text.push('x', std::nullopt, delta);
  EXPECT_EQ(delta.text, "x");
}

}  // namespace
}  // namespace gantry::completion
