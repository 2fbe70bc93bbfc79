// Clients that mean harm. Whatever they send, the server goes on answering the others and its pages come
// back.
#include <random>
#include <string>
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

void expect_service(Stage& stage) {
  const auto answer = ask(
      stage.port(),
      post(
          "/v1/chat/completions",
          R"json({"model":"sim","temperature":0,"messages":[{"role":"user","content":"say(still here)"}]})json"));
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(json::parse(answer->body)["choices"][0]["message"]["content"], "still here");
}

// A request that is right but for what the dice do to it.
class Garbage {
 public:
  explicit Garbage(uint32_t seed) : random_(seed) {}
  std::string next() {
    switch (random_() % 5) {
      case 0:
        return noise(random_() % 300);
      case 1:
        return mutated(get("/health"));
      case 2:
        return mutated(post("/v1/chat/completions", kChat));
      case 3:
        return post("/v1/completions", mutated(kCompletion));
      default:
        return "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
               mutated("24\r\n{\"prompt\":\"x\",\"max_tokens\":3}       \r\n0\r\n\r\n");
    }
  }
  bool chance(uint32_t one_in) { return random_() % one_in == 0; }

 private:
  static constexpr const char* kChat =
      R"json({"model":"sim","max_tokens":3,"stream":true,"messages":[{"role":"user","content":"say(x)"}],"stop":["a"]})json";
  static constexpr const char* kCompletion =
      R"({"model":"dice","max_tokens":3,"n":2,"prompt":["a","b"],"logprobs":2,"logit_bias":{"4":1},"seed":4})";

  std::string noise(size_t bytes) {
    std::string out;
    for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(random_() % 256);
    return out;
  }
  std::string mutated(std::string text) {
    for (size_t i = 0, n = 1 + random_() % 4; i < n && !text.empty(); ++i) {
      const size_t at = random_() % text.size();
      switch (random_() % 4) {
        case 0:
          text[at] = static_cast<char>(random_() % 256);
          break;
        case 1:
          text.erase(at, 1 + random_() % 10);
          break;
        case 2:
          text.insert(at, noise(random_() % 6));
          break;
        default:
          text.insert(at, text.substr(random_() % text.size(), random_() % 20));
      }
    }
    return text;
  }
  std::mt19937 random_;
};

TEST(Hostile, TenThousandGarbageRequests) {
  Stage stage;
  Garbage garbage(2026);
  for (int i = 0; i < 10'000; ++i) {
    RawClient client(stage.port());
    ASSERT_TRUE(client.connected()) << i;
    client.send(garbage.next());
    client.half_close();
    if (garbage.chance(4)) client.receive();
    if (garbage.chance(3)) client.reset();
    if (i % 1000 == 999) expect_service(stage);
  }
  expect_service(stage);
  EXPECT_TRUE(stage.at_rest());
}

// Most clients read no answer before they have sent everything: up to a limit it is dropped, so that they
// hear the refusal and not a broken connection.
TEST(Hostile, WhoSendsAllOfATooLargeBodyHearsWhy) {
  Stage stage;
  const std::string body(size_t{20} << 20, 'x');
  const std::string head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n";
  RawClient announced(stage.port());
  EXPECT_TRUE(announced.send(head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n"));
  EXPECT_TRUE(announced.send(body));
  EXPECT_EQ(announced.receive()->status, 413);
  RawClient chunked(stage.port());
  EXPECT_TRUE(chunked.send(head + "Transfer-Encoding: chunked\r\n\r\n1400000\r\n"));
  EXPECT_TRUE(chunked.send(body + "\r\n0\r\n\r\n"));
  EXPECT_EQ(chunked.receive()->status, 413);
  expect_service(stage);
}

TEST(Hostile, AGigabyteIsRefusedUnread) {
  Stage stage;
  RawClient client(stage.port());
  constexpr size_t kBytes = size_t{1} << 30;
  client.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
              std::to_string(kBytes) + "\r\n\r\n");
  EXPECT_EQ(client.receive()->status, 413);
  const std::string megabyte(size_t{1} << 20, 'x');
  size_t sent = 0;
  while (sent < kBytes && client.send(megabyte)) sent += megabyte.size();
  EXPECT_LT(sent, kBytes) << "the server does not read on";
  expect_service(stage);

  // Chunked, where no length is announced: until the limit.
  RawClient chunked(stage.port());
  chunked.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  sent = 0;
  while (sent < kBytes && chunked.send("100000\r\n" + megabyte + "\r\n")) sent += megabyte.size();
  EXPECT_LT(sent, kBytes);
  expect_service(stage);
}

TEST(Hostile, ThreeHundredIdleConnections) {
  Stage stage;
  std::vector<RawClient> idle;
  for (int i = 0; i < 300; ++i) {
    idle.emplace_back(stage.port());
    ASSERT_TRUE(idle.back().connected());
    if (i % 3 == 0) idle.back().send("GET /hea");
  }
  expect_service(stage);
  EXPECT_GE(stage.server().stats().connections, 300U);
  idle.clear();
  testing::await([&] { return stage.server().stats().connections == 0; }, "the end of all connections");
}

TEST(Hostile, SlowLorises) {
  StageOptions options;
  options.server.header_deadline = 200ms;
  options.server.connections_max = 60;
  Stage stage(options);
  std::vector<RawClient> lorises;
  for (int i = 0; i < 50; ++i) lorises.emplace_back(stage.port());
  // They drip bytes of a head that never ends, until the server has had enough of all of them.
  for (int round = 0; stage.server().stats().connections > 0; ++round) {
    for (RawClient& loris : lorises) loris.send(round == 0 ? "GET / HTTP/1.1\r\n" : "X: y\r\n");
    if (round % 10 == 0) expect_service(stage);
    std::this_thread::sleep_for(5ms);
  }
  expect_service(stage);
}

TEST(Hostile, ClientsKilledInMidStream) {
  Stage stage({.step_time = 200us});
  for (int round = 0; round < 5; ++round) {
    std::vector<RawClient> clients;
    for (int i = 0; i < 40; ++i) {
      clients.emplace_back(stage.port());
      clients.back().send(
          post("/v1/chat/completions",
               R"({"model":"sim","stream":true,"messages":[{"role":"user","content":"go on"}]})"));
    }
    for (size_t i = 0; i < clients.size(); i += 2) clients[i].receive_some();
    for (RawClient& client : clients) client.reset();
    EXPECT_TRUE(stage.at_rest()) << round;
  }
  testing::await([&] { return stage.server().stats().connections == 0; }, "the end of all connections");
  expect_service(stage);
}

TEST(Hostile, HalfClosedAndHalfSaid) {
  Stage stage;
  std::vector<RawClient> clients;
  for (const char* start :
       {"", "G", "GET / HTTP/1.1\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    clients.emplace_back(stage.port());
    clients.back().send(start);
    clients.back().half_close();
    EXPECT_TRUE(clients.back().receive_end()) << start;
  }
  testing::await([&] { return stage.server().stats().connections == 0; }, "the end of all connections");
  expect_service(stage);
}

TEST(Hostile, DeepAndWideBodies) {
  Stage stage;
  const auto status = [&](const std::string& body) {
    return ask(stage.port(), post("/v1/chat/completions", body))->status;
  };
  EXPECT_EQ(status(std::string(size_t{8} << 20, '[')), 400);
  std::string wide = R"({"messages":[0)";
  for (int i = 0; i < 3'000'000; ++i) wide += ",0";
  EXPECT_EQ(status(wide + "]}"), 413);
  EXPECT_EQ(status(R"({"messages":")" + std::string(size_t{10} << 20, 'x') + "\"}"), 400);
  // A prompt of many megabytes is a prompt that is too long.
  const auto answer = ask(
      stage.port(), post("/v1/completions", R"({"prompt":")" + std::string(size_t{8} << 20, 'x') + "\"}"));
  EXPECT_EQ(answer->status / 100, 4);
  expect_service(stage);
  EXPECT_TRUE(stage.at_rest());
}

}  // namespace
}  // namespace gantry::testing
