// A dialect that knows nothing of OpenAI's, written here and given to a server as any other: lines instead of
// JSON or events, a key in a header of its own, its own words for fields and errors.
//
//   POST /trial/say  {"say": "...", "at_most": 9, "until": "x", "flow": true}
#include <array>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/call.h"
#include "api/generation.h"
#include "api/json_read.h"
#include "tests/scenario/raw_client.h"
#include "tests/scenario/stage.h"

namespace gantry::testing {
namespace {

using namespace std::chrono_literals;

class TrialWriter final : public api::Writer {
 public:
  api::StreamForm form() const override { return {"text/x-trial", "~\n"}; }
  std::string begin(const api::Begun& begun) override {
    return fmt::format("{} reads {}\n", begun.card.id, begun.prompts.at(0)->job.prompt.size());
  }
  std::string delta(uint32_t, const completion::Delta& delta) override { return "+" + delta.text + "\n"; }
  std::string finish(uint32_t, const completion::Delta& last) override {
    return "." + last.stop_string + "\n";
  }
  std::string end(const api::Totals& totals) override {
    return fmt::format("said {}, {}\n", totals.usage.completion_tokens, totals.reading.count() > 0);
  }
  std::string fail(const http::Refusal& refusal) override { return "!" + refusal.code() + "\n"; }
  std::string whole_begin(const api::Begun&) override { return "["; }
  std::string whole_choice(uint32_t, const api::Choice& said) override {
    return fmt::format("\"{}\",\"{}\"", said.text, said.stop_string);
  }
  std::string whole_end(const api::Totals&) override { return "]"; }
};

void say(api::Call& call) {
  const Json json = api::parse_object(call.request.body);
  api::GenerateRequest request;
  request.prompts.emplace_back(json.value("say", ""));
  request.base.tokens_max = json.value("at_most", 0U);
  if (json.contains("until")) request.base.stop.push_back(json["until"].get<std::string>());
  request.stream = json.value("flow", false);
  request.names.add("prompt", "say");
  request.names.add("max_tokens", "at_most");
  api::generate(call, std::move(request), std::make_unique<TrialWriter>());
}

void what(api::Call& call) { call.asker.answer_json(R"("trial")"); }

class TrialDialect final : public api::Dialect {
 public:
  std::string_view name() const override { return "trial"; }
  std::span<const api::Route> routes() const override {
    static constexpr std::array kRoutes = {
        api::Route{"POST", "/trial/say", api::Key::kAsked, api::Cost::kWorker, say},
        // A path that OpenAI's dialect has too: told apart by a header.
        api::Route{"GET", "/v1/models", api::Key::kFree, api::Cost::kAtOnce, what, "x-trial-version"}};
    return kRoutes;
  }
  http::Response error(const http::Refusal& refusal) const override {
    return {.status = refusal.status(),
            .headers = {},
            .content_type = "text/plain",
            .body = fmt::format("{}: {}\n", refusal.field(), refusal.message())};
  }
  std::string_view key_of(const http::Request& request) const override {
    const std::string* key = request.header("x-trial-key");
    return key == nullptr ? std::string_view() : *key;
  }
  std::string_view key_words() const override { return "x-trial-key, please"; }
  std::string_view request_id_header() const override { return "trial-id"; }
};

StageOptions trial() {
  static const TrialDialect dialect;
  StageOptions options;
  options.dialects.push_back(&dialect);
  return options;
}

RawResponse say_to(Stage& stage, std::string_view json, std::string_view headers = {}) {
  const auto answer = ask(stage.port(), post("/trial/say", json, headers));
  EXPECT_TRUE(answer) << json;
  return answer.value_or(RawResponse{});
}

// The text that a flow says, its pieces put together; what else it says goes to `rest`.
std::string flowed(const std::string& body, std::string& rest) {
  std::string text;
  for (size_t at = 0; at < body.size();) {
    const size_t end = body.find('\n', at);
    const std::string line = body.substr(at, end - at);
    at = end == std::string::npos ? body.size() : end + 1;
    if (line.starts_with('+'))
      text += line.substr(1);
    else
      rest += line + "\n";
  }
  return text;
}

TEST(Dialect, AWholeAnswer) {
  Stage stage(trial());
  const RawResponse answer = say_to(stage, R"json({"say":"say(one two)","until":"tw"})json");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "[\"one \",\"tw\"]\n");
  EXPECT_TRUE(answer.header("trial-id").starts_with("req_"));
}

TEST(Dialect, AFlow) {
  Stage stage(trial());
  const RawResponse answer = say_to(stage, R"json({"say":"say(one two)","flow":true})json");
  EXPECT_EQ(answer.header("content-type"), "text/x-trial");
  std::string rest;
  EXPECT_EQ(flowed(answer.body, rest), "one two");
  EXPECT_EQ(rest, "sim reads 12\n.\nsaid 8, true\n");
}

TEST(Dialect, SilenceIsFilledInItsOwnWay) {
  StageOptions options = trial();
  options.server.stream_keep_alive = 1ms;
  options.step_time = 10ms;
  Stage stage(options);
  const RawResponse answer =
      say_to(stage, R"({"flow":true,"say":")" + std::string(2000, 'x') + R"json( say(yes)"})json");
  EXPECT_NE(answer.body.find("~\n"), std::string::npos);
  EXPECT_EQ(answer.body.find("keep-alive"), std::string::npos);
}

TEST(Dialect, ErrorsAreItsOwnAndNameItsFields) {
  StageOptions options = trial();
  options.context = 64;
  options.pages = 1;
  Stage stage(options);
  RawResponse answer = say_to(stage, "{");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.header("content-type"), "text/plain");
  EXPECT_TRUE(answer.body.starts_with(": the body is not JSON")) << answer.body;
  answer = say_to(stage, R"({"flow":true,"say":")" + std::string(100, 'x') + R"("})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(answer.body.starts_with("say: say: it comes to 100 tokens")) << answer.body;
  answer = say_to(stage, R"({"say":"x","at_most":60})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(answer.body.starts_with("at_most: at_most: ")) << answer.body;
}

TEST(Dialect, AnErrorInAFlowIsPartOfIt) {
  StageOptions options = trial();
  options.fail_at_step = 20;
  Stage stage(options);
  RawClient client(stage.port());
  client.send(post("/trial/say", R"({"say":"go on","flow":true})"));
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_TRUE(answer->body.ends_with("\n!device\n")) << answer->body;
  EXPECT_TRUE(client.receive_end());
}

TEST(Dialect, AKeyIsCarriedInItsWay) {
  StageOptions options = trial();
  options.server.api_keys = {"secret"};
  Stage stage(options);
  RawResponse answer = say_to(stage, R"({"say":"x"})", "Authorization: Bearer secret\r\n");
  EXPECT_EQ(answer.status, 401);
  EXPECT_NE(answer.body.find("x-trial-key, please"), std::string::npos) << answer.body;
  answer = say_to(stage, R"json({"say":"say(x)"})json", "x-trial-key: secret\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(ask(stage.port(), get("/v1/models/sim", "x-trial-key: secret\r\n"))->status, 401);
}

TEST(Dialect, TheWiresErrorsAreInTheWordsOfTheRoute) {
  StageOptions options = trial();
  options.server.body_bytes_max = 100;
  Stage stage(options);
  const RawResponse large = say_to(stage, R"({"say":")" + std::string(100, 'x') + R"("})");
  EXPECT_EQ(large.status, 413);
  EXPECT_EQ(large.header("content-type"), "text/plain");
  const auto method = ask(stage.port(), get("/trial/say"));
  EXPECT_EQ(method->status, 405);
  EXPECT_EQ(method->header("content-type"), "text/plain");
  const auto path = ask(stage.port(), get("/trial/sing"));
  EXPECT_EQ(path->status, 404);
  EXPECT_NE(path->body.find(R"("type":"invalid_request_error")"), std::string::npos) << "nobody's route";
}

TEST(Dialect, ARouteThatAsksForAHeaderGoesBeforeOneThatDoesNot) {
  Stage stage(trial());
  EXPECT_EQ(ask(stage.port(), get("/v1/models", "x-trial-version: 1\r\n"))->body, "\"trial\"\n");
  EXPECT_NE(ask(stage.port(), get("/v1/models"))->body.find(R"("object":"list")"), std::string::npos);
}

// The others do not hear of it.
TEST(Dialect, NextToIt) {
  Stage stage(trial());
  const auto answer = ask(stage.port(), post("/v1/completions", R"json({"prompt":"say(x)"})json"));
  EXPECT_EQ(answer->status, 200);
  EXPECT_TRUE(answer->header("x-request-id").starts_with("req_"));
}

TEST(Dialect, APromptIsReadOnceWhateverTheNumberOfAnswers) {
  Stage stage;
  const uint64_t before = stage.encodings();
  const auto answer = ask(
      stage.port(),
      post("/v1/chat/completions", R"json({"n":16,"messages":[{"role":"user","content":"say(x)"}]})json"));
  EXPECT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(stage.encodings() - before, 1U);
}

}  // namespace
}  // namespace gantry::testing
