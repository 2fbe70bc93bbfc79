// Whole bodies of real clients (tests/conversations/clients.jsonl) through the HTTP door: each is answered as
// it asked to be, or refused by the name of its field, and what had to be said otherwise is named. A body:
//   client, name, path (/v1/chat/completions), body
//   status (200), param: of a refusal
//   must_contain, must_not_contain: of the prompt; through every template, src/chat looks at that
//   changes: what the plain template of these tests has no words for
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/scenario/raw_client.h"
#include "tests/scenario/scripted_model.h"
#include "tests/scenario/stage.h"

namespace gantry::testing {
namespace {

using nlohmann::json;

constexpr const char *kModel = "m", *kAnswer = "It is so.", *kChat = "/v1/chat/completions";

std::vector<json> bodies() {
  std::ifstream in(std::string(GANTRY_SOURCE_DIR) + "/tests/conversations/clients.jsonl");
  std::vector<json> out;
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line));
  return out;
}

StageOptions with_model() {
  StageOptions options;
  options.own[kModel] = [] {
    return std::make_unique<ScriptedModel>(kModel, kPlainTemplate, reply::find_reply_format("hermes"),
                                           say_text(kAnswer));
  };
  return options;
}

std::string joined(const json& names) {
  std::string out;
  for (const json& name : names) out += (out.empty() ? "" : ", ") + name.get<std::string>();
  return out;
}

// What an answer or a stream said, and how it ended.
std::string said(const RawResponse& response, bool streams) {
  std::string text, finish;
  const auto hear = [&](const json& choice) {
    if (choice.contains("text")) text += choice["text"].get<std::string>();
    for (const char* part : {"message", "delta"})
      if (choice.contains(part) && choice[part].contains("content"))
        text += choice[part]["content"].get<std::string>();
    if (!choice["finish_reason"].is_null()) finish = choice["finish_reason"].get<std::string>();
  };
  if (!streams) {
    hear(json::parse(response.body)["choices"][0]);
    return text + " (" + finish + ")";
  }
  size_t usages = 0;
  for (const std::string& event : events_of(response.body)) {
    if (event == "[DONE]") return text + " (" + finish + (usages > 0 ? ", usage)" : ")");
    const json chunk = json::parse(event);
    usages += chunk.contains("usage") && !chunk["usage"].is_null();
    for (const json& choice : chunk["choices"]) hear(choice);
  }
  return "no end: " + text;
}

std::string wanted_of(const json& body) {
  const bool streams = body.value("stream", false);
  const bool usage = streams && body.value("stream_options", json::object()).value("include_usage", false);
  const bool cut = body.value("max_tokens", 99) == 1;
  return (cut ? std::string("I (length") : std::string(kAnswer) + " (stop") + (usage ? ", usage)" : ")");
}

class Clients : public ::testing::Test {
 protected:
  RawResponse ask_for(const std::string& path, const json& body) {
    const auto response = ask(stage_.port(), post(path, body.dump()));
    EXPECT_TRUE(response) << path;
    return response.value_or(RawResponse{});
  }
  Stage stage_{with_model()};
};

TEST_F(Clients, AreAnsweredOrRefusedByName) {
  for (const json& one : bodies()) {
    SCOPED_TRACE(one["client"].get<std::string>() + " " + one["name"].get<std::string>());
    const json& body = one["body"];
    const RawResponse response = ask_for(one.value("path", kChat), body);
    EXPECT_EQ(response.status, one.value("status", 200)) << response.body;
    if (response.status == 200) {
      EXPECT_EQ(said(response, body.value("stream", false)), wanted_of(body));
      EXPECT_EQ(response.header("x-gantry-chat-changes"), joined(one.value("changes", json::array())));
    } else {
      EXPECT_EQ(json::parse(response.body)["error"]["param"], one["param"]) << response.body;
    }
  }
}

TEST_F(Clients, MeanWhatThePromptSays) {
  for (const json& one : bodies()) {
    if (!one.contains("must_contain")) continue;
    SCOPED_TRACE(one["client"].get<std::string>() + " " + one["name"].get<std::string>());
    const RawResponse response = ask_for("/apply-template", one["body"]);
    ASSERT_EQ(response.status, 200) << response.body;
    const json answer = json::parse(response.body);
    EXPECT_EQ(joined(answer["changes"]), joined(one.value("changes", json::array())));
    const auto prompt = answer["prompt"].get<std::string>();
    for (const json& word : one["must_contain"])
      EXPECT_NE(prompt.find(word.get<std::string>()), std::string::npos) << word << " in " << prompt;
    for (const json& word : one["must_not_contain"])
      EXPECT_EQ(prompt.find(word.get<std::string>()), std::string::npos) << word << " in " << prompt;
  }
}

}  // namespace
}  // namespace gantry::testing
