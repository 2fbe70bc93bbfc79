// Streams and the engine behind them: clients that go, clients that do not read, errors in mid-stream,
// answers that must be the same at any load.
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/deadline.h"
#include "tests/scenario/raw_client.h"
#include "tests/scenario/stage.h"

namespace gantry::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// A request that would go on to the end of the context.
std::string endless(bool stream) {
  return post(
      "/v1/completions",
      std::string(R"({"model":"sim","temperature":0,"max_tokens":1000000,"prompt":"go on","stream":)") +
          (stream ? "true}" : "false}"));
}

std::string text_of_stream(const std::string& body) {
  std::string out;
  for (const std::string& event : events_of(body)) {
    if (event == "[DONE]") continue;
    const json chunk = json::parse(event);
    for (const json& choice : chunk["choices"]) out += choice["text"].get<std::string>();
  }
  return out;
}

void wait_until_running(Stage& stage) {
  testing::await([&] { return stage.stats().running > 0; }, "a running job");
}

TEST(Stream, AClientThatGoesFreesItsPages) {
  Stage stage({.step_time = 500us});
  enum class Way { kClose, kReset, kHalfCloseAndClose };
  for (const bool stream : {true, false})
    for (const Way way : {Way::kClose, Way::kReset, Way::kHalfCloseAndClose}) {
      RawClient client(stage.port());
      client.send(endless(stream));
      if (stream) {
        ASSERT_TRUE(client.receive_head());
        EXPECT_NE(client.receive_some(), "");
      }
      wait_until_running(stage);
      if (way == Way::kClose) client.close();
      if (way == Way::kReset) client.reset();
      if (way == Way::kHalfCloseAndClose) {
        client.half_close();
        std::this_thread::sleep_for(5ms);
        EXPECT_GT(stage.stats().running, 0U) << "it may still read";
        client.close();
      }
      EXPECT_TRUE(stage.at_rest()) << stream << static_cast<int>(way);
    }
  EXPECT_EQ(stage.stats().jobs_cancelled, 6U);
}

// Half-closed is not gone: a client that sends no more gets all of its answer, and nothing besides.
TEST(Stream, AClientThatOnlySendsNoMoreIsAnswered) {
  Stage stage({.step_time = 300us});
  const auto request = [](bool stream, std::string_view version) {
    std::string all =
        post("/v1/completions",
             std::string(R"({"model":"sim","temperature":0,"max_tokens":1000,"prompt":"go on","stream":)") +
                 (stream ? "true}" : "false}"));
    return all.replace(all.find("HTTP/1.1"), version.size(), version);
  };
  for (const char* version : {"HTTP/1.1", "HTTP/1.0"})
    for (const bool stream : {true, false}) {
      SCOPED_TRACE(std::string(version) + (stream ? ", a stream" : ", whole"));
      const auto text_of = [&](const std::string& body) {
        return stream ? text_of_stream(body) : json::parse(body)["choices"][0]["text"].get<std::string>();
      };
      const auto usual = ask(stage.port(), request(stream, version));
      ASSERT_TRUE(usual);
      RawClient client(stage.port());
      ASSERT_TRUE(client.send(request(stream, version)));
      client.half_close();
      const auto answer = client.receive();
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->status, 200);
      EXPECT_EQ(text_of(answer->body).size(), 1000U);
      EXPECT_EQ(text_of(answer->body), text_of(usual->body));
    }
  EXPECT_EQ(stage.stats().jobs_cancelled, 0U);
}

// A long prompt is being read, and the client hears that somebody is there.
TEST(Stream, SilenceIsFilledWithComments) {
  http::Options options;
  options.stream_keep_alive = 1ms;
  Stage stage({.step_time = 10ms, .server = options});
  const json request = {{"model", "sim"},
                        {"temperature", 0},
                        {"stream", true},
                        {"prompt", std::string(2000, 'x') + " say(yes)"}};
  const auto answer = ask(stage.port(), post("/v1/completions", request.dump()));
  ASSERT_TRUE(answer.has_value());
  EXPECT_NE(answer->body.find(": keep-alive\n\n"), std::string::npos);
  EXPECT_EQ(text_of_stream(answer->body), "yes");
  // Between events, never within one.
  for (size_t at = answer->body.find(": keep"); at != std::string::npos;
       at = answer->body.find(": keep", at + 1))
    EXPECT_TRUE(at == 0 || answer->body.substr(at - 2, 2) == "\n\n") << at;
}

TEST(Stream, APromptLongerThanTheContextIsNamed) {
  Stage stage({.context = 256});
  const std::string text(300, 'x');
  const auto refusal = [&](const std::string& path, const std::string& field) {
    const auto answer = ask(stage.port(), post(path, R"({"model":"sim","stream":true,)" + field + "}"));
    EXPECT_EQ(answer ? answer->status : 0, 400) << path;
    return answer ? json::parse(answer->body)["error"] : json();
  };
  json error = refusal("/v1/chat/completions", R"("messages":[{"role":"user","content":")" + text + "\"}]");
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_EQ(error["param"], "messages");
  EXPECT_EQ(error["type"], "invalid_request_error");
  error = refusal("/v1/completions", R"("prompt":")" + text + '"');
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_EQ(error["param"], "prompt");
}

TEST(Stream, AClientThatGoesWhileItWaitsIsForgotten) {
  Stage stage({.step_time = 500us, .sequences = 1});
  RawClient running(stage.port());
  running.send(endless(true));
  ASSERT_TRUE(running.receive_head());
  RawClient waiting(stage.port());
  waiting.send(endless(true));
  testing::await([&] { return stage.stats().waiting > 0; }, "a waiting job");
  waiting.close();
  testing::await([&] { return stage.stats().waiting == 0; }, "an empty queue");
  EXPECT_NE(running.receive_some(), "") << "the other one goes on";
  running.close();
  EXPECT_TRUE(stage.at_rest());
}

TEST(Stream, AClientThatGoesTakesAllItsChoicesAlong) {
  Stage stage({.step_time = 500us});
  RawClient client(stage.port());
  client.send(post("/v1/completions",
                   R"({"model":"sim","max_tokens":100000,"prompt":["a","b"],"n":4,"stream":true})"));
  ASSERT_TRUE(client.receive_head());
  client.close();
  EXPECT_TRUE(stage.at_rest());
}

TEST(Stream, AClientThatDoesNotReadLosesItsStreamOnly) {
  StageOptions options;
  options.step_time = 50us;
  options.context = 65536;
  options.pages = 8192;
  options.server.stream_queue_bytes_max = 4096;
  options.server.send_buffer_bytes = 4096;
  Stage stage(options);
  RawClient deaf(stage.port(), 4096);
  deaf.send(endless(true));
  wait_until_running(stage);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(text_of_stream(
                  ask(stage.port(),
                      post("/v1/completions",
                           R"json({"model":"sim","temperature":0,"prompt":"say(hello)","stream":true})json"))
                      ->body),
              "hello");
  EXPECT_TRUE(stage.at_rest());
  EXPECT_EQ(stage.stats().jobs_cancelled, 1U);
}

TEST(Stream, AClientThatReadsAgainHearsThatItsStreamWasCut) {
  StageOptions options;
  options.step_time = 50us;
  options.context = 65536;
  options.pages = 8192;
  options.server.stream_queue_bytes_max = 4096;
  options.server.send_buffer_bytes = 4096;
  Stage stage(options);
  RawClient slow(stage.port(), 4096);
  slow.send(endless(true));
  testing::await([&] { return stage.stats().jobs_cancelled == 1; }, "a stream that is cut");
  const auto answer = slow.receive();
  ASSERT_TRUE(answer) << "the chunked body ends as it must";
  EXPECT_EQ(answer->body.find("[DONE]"), std::string::npos);
  const json error = json::parse(events_of(answer->body).back())["error"];
  EXPECT_EQ(error["code"], "timeout");
  EXPECT_NE(error["message"].get<std::string>().find("too slowly"), std::string::npos);
  EXPECT_TRUE(slow.receive_end());
}

TEST(Stream, WhatIsCutByTheEndOfTheServerSaysSo) {
  Stage stage({.step_time = 500us});
  RawClient streaming(stage.port()), whole(stage.port()), idle(stage.port());
  streaming.send(endless(true));
  whole.send(endless(false));
  testing::await([&] { return stage.stats().running == 2; }, "two running jobs");
  EXPECT_FALSE(stage.server().shutdown(50ms));
  const auto stream = streaming.receive();
  ASSERT_TRUE(stream) << "the chunked body ends as it must";
  EXPECT_EQ(stream->status, 200);
  EXPECT_EQ(stream->body.find("[DONE]"), std::string::npos);
  EXPECT_EQ(json::parse(events_of(stream->body).back())["error"]["code"], "shutting_down");
  const auto answer = whole.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(json::parse(answer->body)["error"]["code"], "shutting_down");
  EXPECT_TRUE(streaming.receive_end() && whole.receive_end() && idle.receive_end());
}

// Of n choices: the text of each.
std::vector<std::string> texts_of_stream(const std::string& body, size_t n) {
  std::vector<std::string> out(n);
  for (const std::string& event : events_of(body)) {
    if (event == "[DONE]") continue;
    const json chunk = json::parse(event);
    for (const json& choice : chunk["choices"])
      out.at(choice["index"].get<size_t>()) += choice["text"].get<std::string>();
  }
  return out;
}

// What is echoed may be more than may wait for a client: it comes as the client reads, and what is generated
// meanwhile waits behind it.
TEST(Stream, AnyEchoFlows) {
  StageOptions options;
  options.context = 65536;
  options.pages = 8192;
  options.server.stream_queue_bytes_max = 128 * 1024;
  options.server.send_buffer_bytes = 4096;
  Stage stage(options);
  std::string prompt;
  while (prompt.size() < 60000) prompt += "x\u00e9\n\"\u20ac";
  for (const uint32_t tokens_max : {0U, 300U})
    for (const size_t n : {1U, 3U}) {
      const json body = {{"model", "sim"}, {"prompt", prompt},         {"echo", true},    {"stream", true},
                         {"n", n},         {"max_tokens", tokens_max}, {"temperature", 0}};
      RawClient client(stage.port(), 4096);
      const uint64_t before = stage.stats().jobs_done;
      ASSERT_TRUE(client.send(post("/v1/completions", body.dump())));
      // Nothing was read yet, and all is generated.
      const uint64_t jobs = tokens_max == 0 ? 0 : n;
      testing::await([&] { return stage.stats().jobs_done == before + jobs; }, "the answers' ends");
      const auto answer = client.receive();
      ASSERT_TRUE(answer);
      ASSERT_EQ(answer->status, 200) << answer->body;
      EXPECT_EQ(events_of(answer->body).back(), "[DONE]");
      for (const std::string& text : texts_of_stream(answer->body, n)) {
        EXPECT_EQ(text.substr(0, prompt.size()), prompt);
        EXPECT_EQ(text.size(), prompt.size() + tokens_max);
      }
    }
  EXPECT_TRUE(stage.at_rest());
}

// Its client goes, or does not read, in the midst of it.
TEST(Stream, AnEchoThatNobodyReadsIsForgotten) {
  StageOptions options;
  options.context = 65536;
  options.pages = 8192;
  options.server.send_buffer_bytes = 4096;
  Stage stage(options);
  const json body = {{"model", "sim"}, {"prompt", std::string(60000, 'x')},
                     {"echo", true},   {"stream", true},
                     {"n", 16},        {"max_tokens", 5000}};
  {
    RawClient client(stage.port(), 4096);
    ASSERT_TRUE(client.send(post("/v1/completions", body.dump())));
    ASSERT_TRUE(client.receive_head());
    wait_until_running(stage);
  }
  EXPECT_TRUE(stage.at_rest());
  RawClient client(stage.port(), 4096);
  ASSERT_TRUE(client.send(post("/v1/completions", body.dump())));
  ASSERT_TRUE(client.receive_head());
  EXPECT_FALSE(stage.server().shutdown(50ms));
}

TEST(Stream, AWriteThatTakesTooLongEndsTheStream) {
  StageOptions options;
  options.step_time = 50us;
  options.context = 65536;
  options.pages = 8192;
  options.server.write_deadline = 100ms;
  options.server.body_bytes_per_second_min = size_t{1} << 30;
  options.server.send_buffer_bytes = 4096;
  options.server.stream_queue_bytes_max = size_t{64} << 20;  // never full: the deadline must do it
  Stage stage(options);
  RawClient deaf(stage.port(), 4096);
  deaf.send(endless(true));
  wait_until_running(stage);
  EXPECT_TRUE(stage.at_rest());
  EXPECT_EQ(stage.stats().jobs_cancelled, 1U);
}

TEST(Stream, AnErrorInMidStreamIsAnEvent) {
  StageOptions options;
  options.fail_at_step = 20;
  Stage stage(options);
  RawClient client(stage.port());
  client.send(endless(true));
  const auto answer = client.receive();
  ASSERT_TRUE(answer) << "the chunked body ends as it must";
  EXPECT_EQ(answer->status, 200);
  const size_t event = answer->body.find("event: error\ndata: ");
  ASSERT_NE(event, std::string::npos) << answer->body;
  EXPECT_EQ(answer->body.find("[DONE]"), std::string::npos);
  const json error = json::parse(events_of(answer->body).back())["error"];
  EXPECT_EQ(error["type"], "server_error");
  EXPECT_EQ(error["code"], "device");
  EXPECT_TRUE(client.receive_end());
}

TEST(Stream, AnErrorBeforeTheAnswerIsAStatus) {
  StageOptions options;
  options.fail_at_step = 1;
  Stage stage(options);
  const auto answer = ask(stage.port(), endless(false));
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(json::parse(answer->body)["error"]["code"], "device");
}

// The last lease of a model may be given back by the model's own worker.
TEST(Stream, AModelMayEndOnItsOwnThread) {
  for (int round = 0; round < 40; ++round) {
    auto stage = std::make_unique<Stage>();
    std::vector<RawClient> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back(stage->port());
      clients.back().send(
          post("/v1/completions",
               R"json({"model":"sim","prompt":"count(30)","stop":"29","max_tokens":500,"stream":true})json"));
    }
    if (round % 2 == 0) clients.front().receive_some();
    stage.reset();
  }
}

std::string dice_request(uint64_t seed, bool stream, uint32_t n = 1) {
  const json body = {{"model", "dice"}, {"prompt", "roll them"}, {"seed", seed},      {"max_tokens", 300},
                     {"n", n},          {"stream", stream},      {"ignore_eos", true}};
  return post("/v1/completions", body.dump());
}

TEST(Stream, ManyAtOnceSayWhatEachSaysAlone) {
  Stage stage;
  constexpr uint64_t kStreams = 24;
  std::vector<std::string> alone;
  for (uint64_t seed = 0; seed < kStreams; ++seed)
    alone.push_back(text_of_stream(ask(stage.port(), dice_request(seed, true))->body));
  EXPECT_NE(alone[0], alone[1]);
  std::vector<std::thread> threads;
  std::vector<std::string> together(kStreams);
  for (uint64_t seed = 0; seed < kStreams; ++seed)
    threads.emplace_back([&, seed] {
      const auto answer = ask(stage.port(), dice_request(seed, true));
      together[seed] = answer ? text_of_stream(answer->body) : "(no answer)";
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(together, alone);
  for (uint64_t seed = 0; seed < 4; ++seed)
    EXPECT_EQ(json::parse(ask(stage.port(), dice_request(seed, false))->body)["choices"][0]["text"],
              alone[seed])
        << "streamed or not";
}

TEST(Stream, ChoicesAreTheSeedsThatFollow) {
  Stage stage;
  const json three = json::parse(ask(stage.port(), dice_request(40, false, 3))->body)["choices"];
  ASSERT_EQ(three.size(), 3U);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(three[i]["text"],
              json::parse(ask(stage.port(), dice_request(40 + i, false))->body)["choices"][0]["text"]);
}

TEST(Stream, ChoicesOfAStreamCarryTheirIndex) {
  Stage stage;
  std::vector<std::string> texts(3);
  for (const std::string& event : events_of(ask(stage.port(), dice_request(7, true, 3))->body)) {
    if (event == "[DONE]") continue;
    const json chunk = json::parse(event);
    for (const json& choice : chunk["choices"])
      texts.at(choice["index"].get<size_t>()) += choice["text"].get<std::string>();
  }
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(texts[i], text_of_stream(ask(stage.port(), dice_request(7 + i, true))->body));
}

}  // namespace
}  // namespace gantry::testing
