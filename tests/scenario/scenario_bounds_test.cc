// What one client does costs no other: memory that requests become, work beside the engine, clients that have
// gone.
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "os/memory_account.h"
#include "tests/deadline.h"
#include "tests/scenario/raw_client.h"
#include "tests/scenario/stage.h"

namespace gantry::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr uint64_t kMiB = uint64_t{1} << 20;

std::string chat(const std::string& content, const std::string& more = "") {
  return R"({"model":"sim","temperature":0,)" + more + R"("messages":[{"role":"user","content":")" + content +
         R"("}]})";
}

void expect_service(Stage& stage) {
  const auto answer = ask(stage.port(), post("/v1/chat/completions", chat("say(still here)")));
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(json::parse(answer->body)["choices"][0]["message"]["content"], "still here");
}

// A request of `count` short messages.
std::string many_messages(size_t count) {
  std::string body = R"({"model":"sim","max_tokens":1,"messages":[)";
  for (size_t i = 0; i < count; ++i)
    body += (i == 0 ? "" : ",") + std::string(R"({"role":")") + (i % 2 == 0 ? "user" : "assistant") +
            R"(","content":"x"})";
  return body + "]}\n";
}

// ---- failing allocations

// The account of the connection that comes next fails at its n-th allocation.
class FailingStage {
 public:
  FailingStage() : stage_(options()) {}
  Stage& stage() { return stage_; }

  struct Outcome {
    std::optional<RawResponse> answer;
    bool failed = false;
  };
  Outcome ask(const std::string& request, uint64_t fail_at, bool ever_after) {
    // A connection that is about to end has an account for its next request.
    await([&] { return stage_.server().stats().connections == 0; }, "the end of the last connection");
    ever_after_ = ever_after;
    fail_at_ = fail_at;
    RawClient client(stage_.port());
    await([&] { return fail_at_ == 0; }, "the connection's account");
    client.send(request);
    Outcome outcome{client.receive(), false};
    outcome.failed = failed_->has_failed();
    return outcome;
  }

 private:
  StageOptions options() {
    StageOptions options{.reply_formats = {"hermes"}};
    options.server.memory_patience = std::chrono::milliseconds(20);  // no memory ever comes back
    options.server.on_account = [this](const std::shared_ptr<os::MemoryAccount>& account) {
      const uint64_t number = fail_at_.load();
      if (number == 0) return;
      account->fail_at(number, ever_after_);
      failed_ = account;
      fail_at_ = 0;
    };
    return options;
  }

  std::atomic<uint64_t> fail_at_ = 0;
  std::atomic<bool> ever_after_ = false;
  std::shared_ptr<os::MemoryAccount> failed_;
  Stage stage_;
};

struct Kind {
  const char* name;
  std::string request;
  bool stream = false;
  bool flows = false;  // it may be torn where it stands
};

std::vector<Kind> kinds() {
  const std::string tools =
      R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}}],)";
  return {
      {"chat", post("/v1/chat/completions",
                    chat("say(a longer answer of some words)", R"("logprobs":true,"top_logprobs":3,)"))},
      {"stream", post("/v1/chat/completions", chat("say(a longer answer)", R"("stream":true,)")), true},
      {"tools",
       post(
           "/v1/chat/completions",
           chat(
               "say(<tool_call>{\\\"name\\\":\\\"f\\\",\\\"arguments\\\":{\\\"a\\\":\\\"b\\\"}}</tool_call>)",
               tools))},
      {"answers",
       post(
           "/v1/completions",
           R"({"model":"dice","prompt":["ab","cd"],"n":3,"max_tokens":4,"echo":true,"logprobs":2,"stop":["qq"]})")},
      {"streams",
       post("/v1/completions", R"({"model":"dice","prompt":"ab","n":2,"max_tokens":4,"stream":true})"), true},
      {"tokenize", post("/tokenize", R"({"model":"sim","content":["ab",7,"cd"],"with_pieces":true})")},
      {"template", post("/apply-template", chat("hello"))},
      {"flow",
       post("/tokenize",
            R"({"model":"sim","content":")" + std::string(20'000, 'x') + R"(","with_pieces":true})"),
       false, true},
      {"echoes",
       post("/v1/completions",
            R"({"model":"dice","echo":true,"n":3,"stream":true,"max_tokens":4,"prompt":")" +
                std::string(3'000, '\n') + R"("})"),
       true},
      {"refused", post("/v1/completions", R"({"model":"sim","prompt":7})")},
      {"models", get("/v1/models")},
  };
}

// One allocation fails, or all from one on: as when a limit is reached and stays so.
void expect_that_only_one_fails(bool ever_after) {
  FailingStage failing;
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    uint64_t number = 1;
    for (bool failed = true; failed; ++number) {
      ASSERT_LT(number, 20'000U);
      const auto outcome = failing.ask(kind.request, number, ever_after);
      failed = outcome.failed;
      // A failure may have been got over; what is no answer says what was wrong.
      if (!outcome.answer && kind.flows) continue;
      if (!outcome.answer) {
        ADD_FAILURE() << "no answer when allocation " << number << " fails";
        break;
      }
      const RawResponse& answer = *outcome.answer;
      if (!failed || answer.status == 400) continue;
      if (answer.status != 200) {
        EXPECT_EQ(answer.status, 503) << number << ": " << answer.body;
      } else if (kind.stream && answer.body.find("[DONE]") == std::string::npos) {
        EXPECT_NE(answer.body.find("\"error\""), std::string::npos) << number << ": " << answer.body;
      }
      if (number % 64 == 0) expect_service(failing.stage());
      if (::testing::Test::HasFailure()) break;
    }
    expect_service(failing.stage());
    EXPECT_TRUE(failing.stage().at_rest());
    EXPECT_GT(number, 10U);
  }
  await([&] { return failing.stage().server().stats().connections == 0; }, "the end of all connections");
}

TEST(Bounds, EveryFailedAllocationIsOneRequest) {
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  expect_that_only_one_fails(false);
}

TEST(Bounds, AccountsThatStayEmptyAreOneRequest) {
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  expect_that_only_one_fails(true);
}

// ---- memory

TEST(Bounds, ARequestThatBecomesTooLargeIsRefused) {
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  StageOptions options;
  options.server.request_memory = 16 * kMiB;
  Stage stage(options);
  const auto answer = ask(stage.port(), post("/v1/chat/completions", many_messages(100'000)));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413) << answer->body;
  EXPECT_NE(answer->body.find("8 MiB"), std::string::npos) << answer->body;
  expect_service(stage);
  await([&] { return stage.server().stats().memory < kMiB; }, "the memory's return");
  EXPECT_LE(stage.server().stats().memory_peak, 16 * kMiB);
}

TEST(Bounds, LargeRequestsBesideEachOtherStayWithinTheMemory) {
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  StageOptions options;
  options.server.request_memory = 64 * kMiB;
  Stage stage(options);
  const std::string body = post("/v1/chat/completions", many_messages(20'000));
  std::vector<std::thread> clients;
  std::atomic<int> told = 0;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      const auto answer = ask(stage.port(), body);
      // More than the context holds; or others had the memory for too long.
      if (answer && (answer->status == 400 || answer->status == 429)) ++told;
    });
  for (int i = 0; i < 20; ++i) expect_service(stage);
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(told, 8);
  EXPECT_LE(stage.server().stats().memory_peak, 64 * kMiB);
  await([&] { return stage.server().stats().memory < kMiB; }, "the memory's return");
}

// Announced is not held: the memory is taken as bytes come, and who comes slowly gives way.
TEST(Bounds, WhoAnnouncesMuchAndSendsLittleHoldsNobodyUp) {
  StageOptions options;
  options.server.request_memory = 64 * kMiB;
  Stage stage(options);
  std::vector<RawClient> announcers;
  for (int i = 0; i < 32; ++i) {
    announcers.emplace_back(stage.port());
    announcers.back().send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                           std::to_string(16 * kMiB) + "\r\n\r\n" + std::string(1000, ' '));
  }
  expect_service(stage);
  const std::string body =
      R"json({"model":"sim","prompt":"say(x)","user":")json" + std::string(4 * kMiB, 'x') + "\"}";
  const auto answer = ask(stage.port(), post("/v1/completions", body));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200) << answer->body;
}

TEST(Bounds, OneAddressHoldsAtMostHalf) {
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  StageOptions options;
  options.server.request_memory = 16 * kMiB;
  options.server.memory_patience = 100ms;
  Stage stage(options);
  std::vector<RawClient> halves;
  int refused = 0;
  for (int i = 0; i < 6; ++i) {
    halves.emplace_back(stage.port());
    halves.back().send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                       std::to_string(4 * kMiB) + "\r\n\r\n" + std::string(3 * kMiB, ' '));
  }
  for (size_t i = 2; i < halves.size(); ++i) {
    const auto answer = halves[i].receive();
    ASSERT_TRUE(answer);
    if (answer->status == 429) ++refused;
  }
  EXPECT_EQ(refused, 4);
  expect_service(stage);
}

// ---- answers that flow

// The tokens of so many bytes, with pieces; and what is told of them.
std::string pieces_request(size_t bytes, std::string_view version = "HTTP/1.1") {
  std::string request = post(
      "/tokenize", R"({"model":"sim","with_pieces":true,"content":")" + std::string(bytes, 'x') + R"("})");
  return request.replace(request.find("HTTP/1.1"), version.size(), version);
}
std::string pieces_body(size_t bytes) {
  std::string body = R"({"tokens":[)";
  for (size_t i = 0; i < bytes; ++i)
    body += i == 0 ? R"({"id":120,"piece":"x"})" : R"(,{"id":120,"piece":"x"})";
  return body + "]}\n";
}

// Up to the last chunk, or as much as comes.
std::string rest_of(RawClient& client) {
  std::string read;
  for (std::string some = "-"; !some.empty() && !read.ends_with("\r\n0\r\n\r\n"); read += some)
    some = client.receive_some();
  EXPECT_TRUE(read.ends_with("\r\n0\r\n\r\n"));
  return read;
}

StageOptions flowing(int send_buffer_bytes = 0) {
  StageOptions options;
  options.server.request_memory = 32 * kMiB;  // of which one has half: less than the answer
  options.server.send_buffer_bytes = send_buffer_bytes;
  return options;
}

TEST(Bounds, AnAnswerLargerThanItsAccountFlows) {
  Stage stage(flowing());
  for (const char* version : {"HTTP/1.1", "HTTP/1.0"}) {
    const auto answer = ask(stage.port(), pieces_request(kMiB, version));
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status, 200) << answer->body;
    EXPECT_EQ(answer->header("transfer-encoding"), version == std::string("HTTP/1.1") ? "chunked" : "");
    EXPECT_TRUE(answer->body == pieces_body(kMiB)) << answer->body.size();
  }
  const auto small = ask(stage.port(), pieces_request(1000));
  ASSERT_TRUE(small);
  EXPECT_EQ(small->header("content-length"), std::to_string(pieces_body(1000).size()));
  EXPECT_EQ(small->body, pieces_body(1000));
}

TEST(Bounds, TheOtherWayAndTemplatesFlowToo) {
  Stage stage(flowing());
  std::string tokens, text;
  for (size_t i = 0; i < 100'000; ++i)
    tokens += (i == 0 ? "" : ",") + std::string(i % 2 == 0 ? "195" : "169");
  for (size_t i = 0; i < 50'000; ++i) text += "\u00e9";
  const auto spelled = ask(stage.port(), post("/detokenize", R"({"model":"sim","tokens":[)" + tokens + "]}"));
  ASSERT_TRUE(spelled);
  EXPECT_EQ(spelled->header("transfer-encoding"), "chunked");
  EXPECT_TRUE(json::parse(spelled->body) == json({{"content", text}}));
  const auto rendered = ask(stage.port(), post("/apply-template", chat(text)));
  ASSERT_TRUE(rendered);
  EXPECT_EQ(rendered->header("transfer-encoding"), "chunked");
  EXPECT_TRUE(json::parse(rendered->body) ==
              json({{"prompt", "<|turn|>user:" + text + "<|turn|>assistant:"}, {"changes", json::array()}}));
}

// The choices and their log-probabilities fit into the account; what is written of them need not beside them.
TEST(Bounds, ManyChoicesFlow) {
  StageOptions options = flowing();
  options.server.request_memory = 24 * kMiB;
  Stage stage(options);
  const auto answer =
      ask(stage.port(), post("/v1/chat/completions",
                             chat("go on", R"("n":16,"max_tokens":256,"logprobs":true,"top_logprobs":20,)")));
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(answer->header("transfer-encoding"), "chunked");
  const json choices = json::parse(answer->body)["choices"];
  ASSERT_EQ(choices.size(), 16U);
  for (size_t i = 0; i < choices.size(); ++i) {
    EXPECT_EQ(choices[i]["index"], i);
    EXPECT_EQ(choices[i]["logprobs"]["content"].size(), 256U);
  }
  EXPECT_EQ(json::parse(answer->body)["usage"]["completion_tokens"], 16 * 256);
}

// Its tokens wait for it, and a few pieces of what is written of them; then it goes on.
TEST(Bounds, AnAnswerThatIsNotReadWaitsInAFewPieces) {
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  Stage stage(flowing(4096));
  RawClient client(stage.port(), 4096);
  ASSERT_TRUE(client.send(pieces_request(kMiB)));
  const auto head = client.receive_head();
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  constexpr uint64_t kTokens = 4 * kMiB;
  await([&] { return stage.server().stats().memory < kTokens + kMiB; }, "the request's other memory");
  expect_service(stage);
  const std::string read = rest_of(client);
  EXPECT_GT(read.size(), pieces_body(kMiB).size());
}

// A model that is to leave does so, whoever still reads of it; and nothing of the answer is lost.
TEST(Bounds, AnAnswerThatIsNotReadHoldsNoModel) {
  const std::string many(20'000, 'x');
  const std::vector<std::string> requests = {
      pieces_request(kMiB),
      post("/v1/completions",
           R"({"model":"sim","n":4,"stream":true,"echo":true,"max_tokens":9,"prompt":")" + many + "\"}"),
      post("/v1/completions",
           R"({"model":"sim","n":4,"stream":true,"echo":true,"max_tokens":0,"prompt":")" + many + "\"}"),
      post("/v1/completions",
           R"({"model":"sim","n":4,"echo":true,"max_tokens":9,"prompt":")" + many + many + "\"}")};
  StageOptions options = flowing(4096);
  options.context = 65536;
  options.pages = 8192;
  Stage stage(options);
  for (const std::string& request : requests) {
    RawClient client(stage.port(), 4096);
    ASSERT_TRUE(client.send(request));
    const auto head = client.receive_head();
    ASSERT_TRUE(head);
    EXPECT_EQ(head->header("transfer-encoding"), "chunked");
    stage.fleet().unload("sim", kPatience);
    const auto is_cold = [&] {
      for (const fleet::ModelCard& card : stage.fleet().list())
        if (card.id == "sim") return card.state == fleet::SlotState::kCold;
      return false;
    };
    await(is_cold, "the model's leaving");
    const std::string read = rest_of(client);
    EXPECT_EQ(read.find("error"), std::string::npos) << read.substr(read.size() - 300);
    expect_service(stage);
  }
}

// No more than of any other stream.
TEST(Bounds, WhatWaitsBehindAnUnreadEchoIsBounded) {
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  StageOptions options = flowing(4096);
  options.context = 400'000;
  options.pages = 16384;
  options.server.request_memory = 256 * kMiB;
  Stage stage(options);
  RawClient client(stage.port(), 4096);
  ASSERT_TRUE(client.send(
      post("/v1/completions", R"({"model":"sim","stream":true,"echo":true,"max_tokens":200000,"prompt":")" +
                                  std::string(100'000, 'x') + "\"}")));
  ASSERT_TRUE(client.receive_head());
  EXPECT_TRUE(stage.at_rest()) << "nobody generates for who does not read";
  EXPECT_EQ(stage.stats().jobs_cancelled, 1U);
  EXPECT_LT(stage.server().stats().memory_peak, 12 * kMiB);
  EXPECT_NE(rest_of(client).find("read too slowly"), std::string::npos);
}

TEST(Bounds, AnAnswerWhoseClientGoesIsForgotten) {
  Stage stage(flowing(4096));
  for (const bool reset : {false, true}) {
    RawClient client(stage.port(), 4096);
    ASSERT_TRUE(client.send(pieces_request(kMiB)));
    ASSERT_TRUE(client.receive_head());
    if (reset)
      client.reset();
    else
      client.close();
    await([&] { return stage.server().stats().connections == 0; }, "the connection's end");
    await([&] { return stage.server().stats().memory < kMiB; }, "the memory's return");
  }
}

TEST(Bounds, AnAnswerFlowsToAClientThatSendsNoMore) {
  Stage stage(flowing(4096));
  RawClient client(stage.port(), 4096);
  ASSERT_TRUE(client.send(pieces_request(kMiB)));
  client.half_close();
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->body == pieces_body(kMiB)) << answer->body.size();
}

TEST(Bounds, AnAnswerThatTheServersEndCutsIsTorn) {
  Stage stage(flowing(4096));
  RawClient client(stage.port(), 4096);
  ASSERT_TRUE(client.send(pieces_request(kMiB)));
  await([&] { return stage.server().stats().requests_in_work == 1; }, "the request");
  ASSERT_TRUE(client.receive_head());
  EXPECT_FALSE(stage.server().shutdown(50ms));
  std::string read;
  for (std::string some = client.receive_some(); !some.empty(); some = client.receive_some()) read += some;
  EXPECT_FALSE(read.ends_with("0\r\n\r\n")) << "it is not whole, and does not look so";
}

// ---- clients that have gone

TEST(Bounds, AClientIsSeenToGoBehindWhatItPipelined) {
  Stage stage({.step_time = 2ms});
  for (const bool reset : {false, true}) {
    const uint64_t before = stage.stats().jobs_cancelled;
    RawClient client(stage.port());
    ASSERT_TRUE(
        client.send(post("/v1/completions", R"({"model":"sim","prompt":"go on","max_tokens":100000})")));
    await([&] { return stage.stats().running > 0; }, "the answer's begin");
    // More than the server keeps.
    std::string more;
    while (more.size() < 256 * 1024) more += get("/v1/models");
    ASSERT_TRUE(client.send(more));
    if (reset)
      client.reset();
    else
      client.close();
    EXPECT_TRUE(stage.at_rest());
    EXPECT_EQ(stage.stats().jobs_cancelled, before + 1);
  }
}

TEST(Bounds, LargeWorkHoldsNoSmallWorkUp) {
  Stage stage;
  const std::string large = post("/v1/chat/completions", many_messages(60'000));
  std::vector<RawClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(stage.port());
    ASSERT_TRUE(clients.back().send(large));
  }
  await([&] { return stage.server().stats().requests_in_work >= 3; }, "the large ones' turn");
  // Not all of them are through when the small ones have been served.
  for (int i = 0; i < 3; ++i) expect_service(stage);
  EXPECT_GE(stage.server().stats().requests_in_work, 1U);
}

TEST(Bounds, WorkOfClientsThatHaveGoneIsNotDone) {
  Stage stage;
  const uint64_t before = stage.encodings();
  const std::string large =
      post("/tokenize", R"({"model":"sim","content":")" + std::string(2 * kMiB, 'x') + "\"}");
  for (int i = 0; i < 6; ++i) {
    RawClient client(stage.port());
    ASSERT_TRUE(client.send(large));
    client.reset();
  }
  expect_service(stage);
  await([&] { return stage.server().stats().connections == 0; }, "the end of all connections");
  // One may have been begun.
  EXPECT_LE(stage.encodings() - before, 2U + 1U);
}

}  // namespace
}  // namespace gantry::testing
