#include "cli/saved_talk.h"

#include <random>

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::cli {
namespace {

using settings::Id;

SavedTalk small_talk() {
  SavedTalk talk;
  talk.model = "gantry-box";
  talk.system = "Be brief.";
  talk.messages.push_back({{"role", "user"}, {"content", "Hi\n\"you\""}});
  talk.messages.push_back({{"role", "assistant"}, {"content", "Hello"}, {"reasoning_content", "hm"}});
  talk.values.put(Id::kTemperature, {0.25, settings::Source::kFlag, ""});
  talk.values.put(Id::kSeed, {UINT64_MAX, settings::Source::kFlag, ""});
  return talk;
}

TEST(SavedTalk, IsTheBodyOfARequestAndReadAgainAsTheSame) {
  const std::string text = talk_text(small_talk());
  const Json body = Json::parse(text);
  EXPECT_EQ(body["messages"].size(), 3u);
  EXPECT_EQ(body["messages"][size_t{0}]["role"].get<std::string>(), "system");
  EXPECT_EQ(body["temperature"].get<double>(), 0.25);
  const SavedTalk again = parse_talk(text, "f");
  EXPECT_EQ(again.model, "gantry-box");
  EXPECT_EQ(again.system, "Be brief.");
  EXPECT_EQ(again.messages, small_talk().messages);
  uint64_t seed = 0;
  again.values.take(Id::kSeed, seed);
  EXPECT_EQ(seed, UINT64_MAX);
  EXPECT_FALSE(again.values.given(Id::kTopK));
  EXPECT_EQ(talk_text(again), text);
}

std::string refusal_of(std::string_view text) {
  try {
    parse_talk(text, "f.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadFile);
    return error.where() + ": " + error.message();
  }
  return "taken";
}

TEST(SavedTalk, ARefusalNamesTheFieldAndWhatBelongsThere) {
  EXPECT_EQ(refusal_of("").substr(0, 22), "f.json: it is no JSON:");
  EXPECT_EQ(refusal_of("[]"), "f.json: it is no object with the field messages");
  EXPECT_EQ(refusal_of(R"({"messages": 1})"), "f.json: messages: it has to be a list of messages");
  EXPECT_EQ(refusal_of(R"({"messages": [1]})"),
            "f.json: messages[0]: it has to be an object with role and content");
  EXPECT_EQ(refusal_of(R"({"messages": [{"role": "user"}]})"),
            "f.json: messages[0]: the field content is missing");
  EXPECT_EQ(refusal_of(R"({"messages": [{"role": "user", "content": null}]})"),
            "f.json: messages[0].content: it has to be a text");
  EXPECT_EQ(refusal_of(R"({"messages": [{"role": "tool", "content": ""}]})"),
            "f.json: messages[0].role: 'tool' is not one of system, user, assistant");
  EXPECT_EQ(refusal_of(R"({"messages": [{"role": "user", "content": "", "name": "x"}]})"),
            "f.json: messages[0]: there is no place for the field 'name'");
  EXPECT_EQ(
      refusal_of(R"({"messages": [{"role": "user", "content": ""}, {"role": "system", "content": ""}]})"),
      "f.json: messages[1]: only the first message may be the system's");
  EXPECT_EQ(refusal_of(R"({"messages": [], "temperature": 3})"),
            "f.json: temperature: '3' is not a number from 0 to 2");
  EXPECT_EQ(refusal_of(R"({"messages": [], "top_k": 1.5})").substr(0, 40),
            "f.json: top_k: it has to be a whole numb");
  EXPECT_EQ(refusal_of(R"({"messages": [], "stream": true})"),
            "f.json: stream: there is no setting of that name");
}

// Whatever single byte changes, it is read or refused, and what is read is written and read the same.
TEST(SavedTalk, DamagedFilesAreReadOrRefused) {
  const std::string good = talk_text(small_talk());
  std::mt19937_64 rng(1);
  size_t taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (uint64_t i = 1 + rng() % 3; i > 0; --i) {
      const size_t at = rng() % text.size();
      switch (rng() % 3) {
        case 0:
          text[at] = static_cast<char>(rng());
          break;
        case 1:
          text.erase(at, 1 + rng() % 8);
          break;
        default:
          text.insert(at, text.substr(rng() % text.size(), rng() % 16));
      }
      if (text.empty()) text = "{";
    }
    try {
      const SavedTalk talk = parse_talk(text, "f.json");
      EXPECT_EQ(talk_text(parse_talk(talk_text(talk), "again")), talk_text(talk));
      ++taken;
    } catch (const Error& error) {
      EXPECT_TRUE(error.where().starts_with("f.json")) << error.what();
    }
  }
  EXPECT_GT(taken, 100u);
}

}  // namespace
}  // namespace gantry::cli
