// Models that are cold when they are asked for: who waits for one holds up nobody else.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/scenario/raw_client.h"
#include "tests/scenario/stage.h"

namespace gantry::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::string say(const std::string& model, const std::string& word, bool stream = false) {
  return post(
      "/v1/completions",
      json{{"model", model}, {"temperature", 0}, {"stream", stream}, {"prompt", "say(" + word + ")"}}.dump());
}

std::string text_of(const std::optional<RawResponse>& answer) {
  if (!answer || answer->status != 200) return answer ? answer->body : "no answer";
  return json::parse(answer->body)["choices"][0]["text"].get<std::string>();
}

bool is_loading(Stage& stage, const std::string& model) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    for (const fleet::ModelCard& card : stage.fleet().list())
      if (card.id == model && card.state == fleet::SlotState::kLoading) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

// One request worker, and more requests for a cold model than that.
StageOptions one_worker() {
  http::Options options;
  options.request_workers = 1;
  return {.cold = {"slow"}, .server = options};
}

TEST(Loading, OthersAreAnsweredMeanwhile) {
  Stage stage(one_worker());
  std::vector<std::unique_ptr<RawClient>> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.push_back(std::make_unique<RawClient>(stage.port()));
    ASSERT_TRUE(waiting.back()->send(say("slow", "late")));
  }
  ASSERT_TRUE(is_loading(stage, "slow"));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(text_of(ask(stage.port(), say("sim", "soon"))), "soon");
  const auto tokens = ask(stage.port(), post("/tokenize", R"({"model":"sim","content":"ab"})"));
  ASSERT_TRUE(tokens);
  EXPECT_EQ(json::parse(tokens->body)["tokens"], (json{97, 98}));
  stage.let_on();
  for (const auto& client : waiting) EXPECT_EQ(text_of(client->receive()), "late");
  EXPECT_TRUE(stage.at_rest());
}

TEST(Loading, EveryRouteWaits) {
  Stage stage(one_worker());
  RawClient stream(stage.port()), tokenize(stage.port()), apply(stage.port());
  ASSERT_TRUE(stream.send(say("slow", "late", true)));
  ASSERT_TRUE(tokenize.send(post("/tokenize", R"({"model":"slow","content":"ab"})")));
  ASSERT_TRUE(apply.send(
      post("/apply-template", R"({"model":"slow","messages":[{"role":"user","content":"hello"}]})")));
  ASSERT_TRUE(is_loading(stage, "slow"));
  EXPECT_EQ(text_of(ask(stage.port(), say("sim", "soon"))), "soon");
  stage.let_on();
  const auto streamed = stream.receive(), tokens = tokenize.receive(), prompt = apply.receive();
  ASSERT_TRUE(streamed && tokens && prompt);
  EXPECT_NE(streamed->body.find("data: [DONE]"), std::string::npos) << streamed->body;
  EXPECT_EQ(json::parse(tokens->body)["tokens"], (json{97, 98}));
  EXPECT_NE(json::parse(prompt->body)["prompt"].get<std::string>().find("hello"), std::string::npos);
}

TEST(Loading, AClientThatGoesIsForgotten) {
  Stage stage(one_worker());
  RawClient goes(stage.port()), stays(stage.port());
  ASSERT_TRUE(goes.send(say("slow", "never")));
  ASSERT_TRUE(stays.send(say("slow", "late")));
  ASSERT_TRUE(is_loading(stage, "slow"));
  goes.close();
  EXPECT_EQ(text_of(ask(stage.port(), say("sim", "soon"))), "soon");
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (stage.server().stats().requests_in_work > 1 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(1ms);
  EXPECT_EQ(stage.server().stats().requests_in_work, 1U);
  stage.let_on();
  EXPECT_EQ(text_of(stays.receive()), "late");
  EXPECT_EQ(stage.stats("slow").jobs_done, 1U);
}

TEST(Loading, AFailureIsTold) {
  Stage stage(one_worker());
  RawClient client(stage.port());
  ASSERT_TRUE(client.send(say("slow", "never")));
  ASSERT_TRUE(is_loading(stage, "slow"));
  stage.let_on(Error(ErrorCode::kMemory, "it does not fit", "gpu:0"));
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 507);
  EXPECT_NE(answer->body.find("it does not fit"), std::string::npos) << answer->body;
  EXPECT_EQ(text_of(ask(stage.port(), say("sim", "soon"))), "soon");
}

// Nothing of the request is wrong: no 4xx, no field.
TEST(Loading, WhatIsWrongWithTheModelIsTheServersFault) {
  for (const ErrorCode code : {ErrorCode::kUnsupported, ErrorCode::kBadFile, ErrorCode::kNotFound}) {
    Stage stage(one_worker());
    RawClient client(stage.port());
    ASSERT_TRUE(client.send(say("slow", "never")));
    ASSERT_TRUE(is_loading(stage, "slow"));
    stage.let_on(Error(code, "its bytes are wrong", "slow.gguf"));
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_GE(answer->status, 500);
    const json body = json::parse(answer->body);
    EXPECT_TRUE(body["error"]["param"].is_null()) << answer->body;
    EXPECT_NE(answer->body.find("its bytes are wrong"), std::string::npos) << answer->body;
  }
}

TEST(Loading, TheServerEndsWhileItLoads) {
  Stage stage(one_worker());
  RawClient client(stage.port());
  ASSERT_TRUE(client.send(say("slow", "never")));
  ASSERT_TRUE(is_loading(stage, "slow"));
  stage.server().shutdown(10ms);
  const auto answer = client.receive();
  EXPECT_TRUE(!answer || answer->status == 503);
}

// The first model of a server that has just begun.
TEST(Loading, TheDoorIsOpenBeforeTheModelIsThere) {
  Stage stage;
  const auto server =
      server::Server::start(stage.fleet(), {}, server::all_dialects(), server::Server::Begins::kLoading);
  const auto health = [&] { return ask(server->port(), get("/health")); };
  EXPECT_EQ(health()->status, 503);
  EXPECT_EQ(json::parse(health()->body), (json{{"status", "loading"}, {"stage", ""}, {"progress", 0.0}}));
  EXPECT_FALSE(health()->header("retry-after").empty());
  server->loading("weights", 0.25);
  EXPECT_EQ(json::parse(health()->body),
            (json{{"status", "loading"}, {"stage", "weights"}, {"progress", 0.25}}));
  for (const std::string& request : {say("sim", "x"), get("/v1/models")}) {
    const auto answer = ask(server->port(), request);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_FALSE(answer->header("retry-after").empty());
    EXPECT_EQ(json::parse(answer->body)["error"]["code"], "loading") << answer->body;
  }
  EXPECT_EQ(ask(server->port(), get("/metrics"))->status, 200);
  server->loaded();
  EXPECT_EQ(json::parse(health()->body), (json{{"status", "ok"}}));
  EXPECT_EQ(text_of(ask(server->port(), say("sim", "soon"))), "soon");
}

TEST(Loading, ColdModelsAreListed) {
  Stage stage(one_worker());
  const auto answer = ask(stage.port(), get("/v1/models"));
  ASSERT_TRUE(answer);
  const json list = json::parse(answer->body);
  std::vector<std::string> ids;
  for (const json& model : list["data"]) ids.push_back(model["id"].get<std::string>());
  EXPECT_EQ(ids, (std::vector<std::string>{"sim", "dice", "slow"}));
}

TEST(Loading, MetricsTellOfModelsThatAreInMemory) {
  Stage stage({.cold = {"later"}});
  ASSERT_EQ(
      ask(stage.port(), post("/v1/completions", R"json({"model":"sim","prompt":"say(abc)"})json"))->status,
      200);
  const std::string told = ask(stage.port(), get("/metrics"))->body;
  EXPECT_NE(
      told.find("\n# TYPE gantry_engine_fetched_total counter\ngantry_engine_fetched_total{model=\"sim\"} 0\n"
                "gantry_engine_fetched_total{model=\"dice\"} 0\n"),
      std::string::npos)
      << told;
  EXPECT_NE(told.find("\ngantry_engine_pages_cached_far{model=\"sim\"} 0\n"), std::string::npos) << told;
  EXPECT_NE(told.find("\ngantry_engine_generated_tokens_total{model=\"sim\"} 4\n"), std::string::npos)
      << told;
  EXPECT_NE(told.find("\ngantry_engine_jobs_done_total{model=\"sim\"} 1\n"), std::string::npos) << told;
  EXPECT_EQ(told.find("later"), std::string::npos) << "and none comes to life for it";
}

}  // namespace
}  // namespace gantry::testing
