// What happens on the connection itself: keeping it, pipelining, expectations, limits, deadlines, shutting
// down.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/deadline.h"
#include "tests/scenario/raw_client.h"
#include "tests/scenario/stage.h"

namespace gantry::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::string completion(const std::string& prompt, const std::string& more = "") {
  return post("/v1/completions",
              R"({"model":"sim","temperature":0,"max_tokens":4000,"prompt":")" + prompt + '"' + more + "}");
}
std::string text_of(const std::optional<RawResponse>& response) {
  if (!response) return "(no answer)";
  const json body = json::parse(response->body, nullptr, false);
  return body.is_discarded() || !body.contains("choices") ? response->body
                                                          : body["choices"][0]["text"].get<std::string>();
}

TEST(Wire, KeepsTheConnection) {
  Stage stage;
  RawClient client(stage.port());
  for (int i = 0; i < 3; ++i) {
    client.send(get("/health"));
    EXPECT_EQ(client.receive()->status, 200);
    client.send(completion("say(x)"));
    EXPECT_EQ(text_of(client.receive()), "x");
  }
  EXPECT_EQ(stage.server().stats().connections, 1U);
}

TEST(Wire, AnswersPipelinedRequestsInOrder) {
  Stage stage;
  RawClient client(stage.port());
  client.send(completion("say(first)") + completion("say(second)", R"(,"stream":true)") + get("/health") +
              completion("say(last)"));
  EXPECT_EQ(text_of(client.receive()), "first");
  EXPECT_TRUE(client.receive()->body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(client.receive()->body, "{\"status\":\"ok\"}\n");
  EXPECT_EQ(text_of(client.receive()), "last");
}

TEST(Wire, ManyPipelinedRequestsDoNotFillMemory) {
  Stage stage;
  RawClient client(stage.port());
  constexpr int kMany = 2000;
  std::thread sender([&] {
    for (int i = 0; i < kMany; ++i) client.send(get("/health"));
  });
  int answered = 0;
  while (answered < kMany && client.receive()) ++answered;
  sender.join();
  EXPECT_EQ(answered, kMany);
}

TEST(Wire, OldClients) {
  Stage stage;
  RawClient once(stage.port());
  once.send("GET /health HTTP/1.0\r\n\r\n");
  EXPECT_EQ(once.receive()->header("connection"), "close");
  EXPECT_TRUE(once.receive_end());

  RawClient keeping(stage.port());
  for (int i = 0; i < 2; ++i) {
    keeping.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(keeping.receive()->header("connection"), "keep-alive");
  }

  RawClient stream(stage.port());
  const std::string body = R"json({"prompt":"say(abc)","stream":true,"temperature":0})json";
  stream.send("POST /v1/completions HTTP/1.0\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
              body);
  const auto answer = stream.receive();
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->headers.contains("transfer-encoding"));
  EXPECT_TRUE(answer->body.ends_with("data: [DONE]\n\n")) << answer->body;
}

TEST(Wire, ClosesWhenAsked) {
  Stage stage;
  RawClient client(stage.port());
  client.send(get("/health", "Connection: close\r\n") + get("/health"));
  EXPECT_EQ(client.receive()->header("connection"), "close");
  EXPECT_TRUE(client.receive_end()) << "what comes behind is not answered";
}

TEST(Wire, ExpectContinue) {
  Stage stage;
  RawClient client(stage.port());
  const std::string body = R"json({"prompt":"say(go)","temperature":0})json";
  const std::string head =
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: ";
  client.send(head + std::to_string(body.size()) + "\r\n\r\n");
  EXPECT_EQ(client.receive()->status, 100);
  client.send(body);
  EXPECT_EQ(text_of(client.receive()), "go");

  client.send(head + std::to_string(size_t{100} << 20) + "\r\n\r\n");
  EXPECT_EQ(client.receive()->status, 413) << "no leave to send what is not taken";
  EXPECT_EQ(ask(stage.port(), "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\n\r\n")
                ->status,
            417);
}

TEST(Wire, ChunkedBodies) {
  Stage stage;
  RawClient client(stage.port());
  const std::string head =
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 2; ++i) {
    client.send(head + "b;x=\"y\"\r\n{\"prompt\":\"\r\n");
    client.send("21\r\nsay(chunked)\",\"temperature\":0}   \r\n0\r\nTrailer: 1\r\n\r\n");
    EXPECT_EQ(text_of(client.receive()), "chunked");
  }
}

TEST(Wire, MalformedRequestsAreAnsweredAndTheConnectionEnds) {
  Stage stage;
  for (const std::string request :
       {"GARBAGE\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: "
        "chunked\r\n\r\n"}) {
    RawClient client(stage.port());
    client.send(request);
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << request;
    EXPECT_EQ(answer->status, 400) << request;
    EXPECT_TRUE(json::parse(answer->body)["error"].contains("message"));
    if (!request.starts_with("GET / HTTP/1.1\r\n")) {
      EXPECT_TRUE(client.receive_end()) << request;
    }
  }
}

TEST(Wire, BodiesAtTheLimitAndOnePast) {
  StageOptions options;
  options.server.body_bytes_max = 500;
  Stage stage(options);
  const auto padded = [](size_t bytes) {
    std::string body = R"json({"prompt":"say(x)","temperature":0})json";
    return post("/v1/completions", body + std::string(bytes - body.size(), ' '));
  };
  EXPECT_EQ(text_of(ask(stage.port(), padded(500))), "x");
  EXPECT_EQ(ask(stage.port(), padded(501))->status, 413);
  // At once, by the announced length: nothing of the body is sent here.
  EXPECT_EQ(
      ask(stage.port(), "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 501\r\n\r\n")
          ->status,
      413);
}

TEST(Wire, HeadsOverTheirLimits) {
  Stage stage;
  EXPECT_EQ(ask(stage.port(), get("/health", "X: " + std::string(20000, 'x') + "\r\n"))->status, 431);
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X: y\r\n";
  EXPECT_EQ(ask(stage.port(), get("/health", many))->status, 431);
}

TEST(Wire, SlowHeadsAndBodiesAreCut) {
  StageOptions options;
  options.server.header_deadline = 50ms;
  options.server.body_grace = 50ms;
  Stage stage(options);
  RawClient head(stage.port());
  head.send("GET /health HTTP/1.1\r\nHost: loc");
  EXPECT_EQ(head.receive()->status, 408);
  EXPECT_TRUE(head.receive_end());
  RawClient body(stage.port());
  body.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{");
  EXPECT_EQ(body.receive()->status, 408);
  EXPECT_TRUE(body.receive_end());
}

TEST(Wire, IdleConnectionsEndWithoutAWord) {
  StageOptions options;
  options.server.idle_deadline = 50ms;
  Stage stage(options);
  RawClient client(stage.port());
  client.send(get("/health"));
  EXPECT_EQ(client.receive()->status, 200);
  EXPECT_TRUE(client.receive_end());
}

TEST(Wire, ConnectionsAtTheLimitAndOnePast) {
  StageOptions options;
  options.server.connections_max = 2;
  Stage stage(options);
  RawClient first(stage.port()), second(stage.port());
  for (RawClient* client : {&first, &second}) {
    client->send(get("/health"));
    EXPECT_EQ(client->receive()->status, 200);
  }
  RawClient third(stage.port());
  const auto answer = third.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->header("retry-after"), "1");
  EXPECT_EQ(stage.server().stats().connections_refused, 1U);
  first.close();
  testing::await([&] { return stage.server().stats().connections <= 1; },
                 "the end of all connections but one");
  EXPECT_EQ(ask(stage.port(), get("/health"))->status, 200);
}

// Clients retry a 429: what never fits must not be one.
TEST(Wire, MoreAnswersThanMayWaitAreNoMatterOfTime) {
  Stage stage({.step_time = 0us, .sequences = 1, .queue_max = 4});
  const auto asked = [&](const std::string& body) {
    const auto answer = ask(stage.port(), post("/v1/completions", body));
    return answer->status == 400 ? json::parse(answer->body)["error"]["param"].get<std::string>()
                                 : std::to_string(answer->status);
  };
  EXPECT_EQ(asked(R"({"prompt":"x","max_tokens":1,"n":4})"), "200");
  EXPECT_EQ(asked(R"({"prompt":"x","max_tokens":1,"n":5})"), "n");
  EXPECT_EQ(asked(R"({"prompt":["a","b","c","d","e"],"max_tokens":1})"), "prompt");
}

TEST(Wire, AFullQueueSaysSoAtOnce) {
  Stage stage({.step_time = 500us, .sequences = 1, .queue_max = 1});
  std::vector<RawClient> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back(stage.port());
    clients.back().send(completion("on and on"));
  }
  // One runs, one waits (or was just taken in); of the rest at least one hears no before any is done.
  int busy = 0;
  for (RawClient& client : clients) {
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    if (answer->status != 429) continue;
    ++busy;
    EXPECT_GE(std::stoi(answer->header("retry-after")), 1);
    const json error = json::parse(answer->body)["error"];
    EXPECT_EQ(error["code"], "busy");
    EXPECT_NE(
        error["message"].get<std::string>().find("come back in " + answer->header("retry-after") + " s"),
        std::string::npos)
        << error;
    if (busy == 1) break;
  }
  EXPECT_EQ(busy, 1);
  for (RawClient& client : clients) client.close();
  EXPECT_TRUE(stage.at_rest());
}

// Where it stands is told with the answer; who would rather not wait so long is told at once.
TEST(Wire, WhatIsToBeExpectedIsTold) {
  Stage stage({.step_time = 2000us, .sequences = 1, .queue_max = 8});
  const auto short_one = [&](const std::string& more) {
    return ask(stage.port(), post("/v1/completions", R"({"prompt":"x","max_tokens":3)" + more + "}"));
  };
  for (const char* stream : {"", R"(,"stream":true)"}) {
    const auto alone = short_one(stream);
    EXPECT_EQ(alone->status, 200);
    EXPECT_EQ(alone->header("x-queue-position"), "0");
    EXPECT_GE(std::stoi(alone->header("x-expected-wait-ms")), 0);
  }
  RawClient runs(stage.port());
  runs.send(completion("on and on"));
  std::optional<RawResponse> refused;
  for (int i = 0; i < 50 && !refused; ++i) {
    auto answer = short_one(R"(,"first_token_ms":1)");
    if (answer->status == 429) refused = std::move(answer);
  }
  ASSERT_TRUE(refused);
  const json error = json::parse(refused->body)["error"];
  EXPECT_NE(error["message"].get<std::string>().find("its first token is expected in"), std::string::npos)
      << error;
  EXPECT_GE(std::stoi(refused->header("retry-after")), 1);
  const auto late = short_one(R"(,"deadline_ms":1)");
  EXPECT_EQ(late->status, 408) << late->body;
  runs.close();
  EXPECT_TRUE(stage.at_rest());
}

TEST(Wire, WhatGeneratesNothingIsCheckedAsEverythingElse) {
  Stage stage;
  for (const char* wrong :
       {R"("prompt":[1,2,999999])", R"("prompt":"a","logit_bias":{"999999":1})",
        R"("prompt":"a","stop_token_ids":[999999])", R"("prompt":[-1])", R"("prompt":"a","n":1000)"})
    for (const char* tokens_max : {"0", "1"}) {
      const auto answer =
          ask(stage.port(), post("/v1/completions", std::string(R"({"model":"sim","max_tokens":)") +
                                                        tokens_max + "," + wrong + "}"));
      EXPECT_EQ(answer ? answer->status : 0, 400) << wrong << " " << tokens_max;
    }
}

TEST(Wire, UnixSockets) {
  const std::string path = "/tmp/gantry_wire_" + std::to_string(getpid()) + ".sock";
  StageOptions options;
  options.server.host = "unix:" + path;
  {
    Stage stage(options);
    EXPECT_EQ(stage.port(), 0);
    EXPECT_EQ(stage.server().url(), "unix:" + path);
    RawClient client(path);
    client.send(completion("say(local)"));
    EXPECT_EQ(text_of(client.receive()), "local");
    EXPECT_THROW(Stage another(options), Error) << "another server listens there";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Wire, ASocketThatNobodyListensOnIsReplacedAndAnothersIsLeft) {
  const std::string path = "/tmp/gantry_stale_" + std::to_string(getpid()) + ".sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const auto bind_once = [&] {
    const int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(stale, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ::close(stale);
  };
  bind_once();
  StageOptions options;
  options.server.host = "unix:" + path;
  {
    Stage stage(options);
    RawClient client(path);
    client.send(completion("say(local)"));
    EXPECT_EQ(text_of(client.receive()), "local");
    ASSERT_TRUE(std::filesystem::remove(path));
    bind_once();
  }
  EXPECT_TRUE(std::filesystem::remove(path)) << "another server's, which came later";
}

TEST(Wire, SixBytesWide) {
  StageOptions options;
  options.server.host = "::1";
  std::unique_ptr<Stage> stage;
  try {
    stage = std::make_unique<Stage>(options);
  } catch (const Error& error) {
    GTEST_SKIP() << "no IPv6 here: " << error.what();
  }
  EXPECT_EQ(stage->server().url(), "http://[::1]:" + std::to_string(stage->port()));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(stage->port());
  address.sin6_addr = in6addr_loopback;
  const int socket_six = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(connect(socket_six, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(socket_six);
}

TEST(Wire, AClientsNameForItsRequest) {
  Stage stage;
  const auto id_of = [&](const std::string& given) {
    return ask(stage.port(), get("/health", "x-request-id: " + given + "\r\n"))->header("x-request-id");
  };
  EXPECT_EQ(id_of("trace-1/a.b:c"), "trace-1/a.b:c");
  EXPECT_EQ(id_of(std::string(128, 'a')), std::string(128, 'a'));
  for (const std::string& bad :
       {std::string(129, 'a'), std::string("a b"), std::string("a\"b"), std::string()})
    EXPECT_TRUE(id_of(bad).starts_with("req_")) << bad;
}

// One line of the log for each request, when its answer has ended.
TEST(Wire, WhatTheLogSays) {
  const std::string path = ::testing::TempDir() + "/gantry_wire_log";
  std::filesystem::remove(path);
  {
    const log::ToFile file(path);
    Stage stage;
    log::set_level(log::Level::kInfo);
    ask(stage.port(), get("/health"));
    ask(stage.port(), post("/v1/completions?key=secret", R"json({"prompt":"say(abc)","temperature":0})json",
                           "x-request-id: mine\r\n"));
    ask(stage.port(),
        post("/v1/completions", R"json({"prompt":"say(abc)","stream":true,"temperature":0})json"));
    ask(stage.port(), post("/v1/completions", R"({"prompt":"a","top_p":7})"));
    ask(stage.port(), get("/v2"));
    ask(stage.port(), "GET / HTTP/1.1\r\nHost: evil.org\r\n\r\n");
    ask(stage.port(), "nonsense\r\n\r\n");
    RawClient leaves(stage.port());
    leaves.send(completion("on", R"(,"stream":true)"));
    leaves.receive_head();
    leaves.close();
    EXPECT_TRUE(stage.at_rest());
  }
  log::set_level(log::Level::kWarn);
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line.substr(line.find("http: ") + 6));
  ASSERT_EQ(lines.size(), 7U);
  const auto has = [&](size_t i, const std::string& wanted) {
    EXPECT_NE(lines[i].find(wanted), std::string::npos) << wanted << " in " << lines[i];
  };
  has(0, "127.0.0.1 POST /v1/completions -> 200 seconds=");
  has(0, " prompt_tokens=8 cached_tokens=0 new_tokens=4 tokens_per_second=");
  has(0, " request_id=mine");
  EXPECT_EQ(lines[0].find("secret"), std::string::npos);
  has(1, " new_tokens=4 ");
  has(2, "-> 400 ");
  has(2, "error=");
  has(2, "top_p");
  has(3, "GET /v2 -> 404 ");
  has(3, "error=not_found");
  has(4, "GET / -> 403 ");
  has(4, "--allowed-host evil.org");
  has(5, "- - -> 400 ");
  has(6, "/v1/completions -> 200 ");
  has(6, "error=client_gone");
  std::filesystem::remove(path);
}

TEST(Wire, AddressesThatCannotBe) {
  Stage stage;
  const auto code = [&](const std::string& host, uint16_t port) {
    http::Options options;
    options.host = host;
    options.port = port;
    try {
      server::Server::start(stage.fleet(), options);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code("127.0.0.1", stage.port()), ErrorCode::kIo) << "taken";
  EXPECT_EQ(code("203.0.113.1", 0), ErrorCode::kIo) << "not ours";
  EXPECT_EQ(code("", 0), ErrorCode::kUsage);
  EXPECT_EQ(code("unix:", 0), ErrorCode::kUsage);
  EXPECT_EQ(code("unix:/" + std::string(200, 'x'), 0), ErrorCode::kUsage);
  EXPECT_EQ(code("unix:/etc/passwd", 0), ErrorCode::kIo) << "never removed";
}

TEST(Wire, ShutdownLetsAnswersFinish) {
  Stage stage({.step_time = 200us});
  RawClient idle(stage.port());
  idle.send(get("/health"));
  EXPECT_EQ(idle.receive()->status, 200);
  RawClient running(stage.port());
  running.send(completion("count(200)", R"(,"stream":true)"));
  ASSERT_TRUE(running.receive_head());
  std::thread closing([&] { EXPECT_TRUE(stage.server().shutdown(kPatience)); });
  EXPECT_TRUE(idle.receive_end());
  std::string rest, piece;
  while (!(piece = running.receive_some()).empty()) rest += piece;
  EXPECT_NE(rest.find("[DONE]"), std::string::npos);
  closing.join();
  EXPECT_FALSE(RawClient(stage.port()).connected());
}

TEST(Wire, ShutdownCutsWhatTakesTooLong) {
  Stage stage({.step_time = 1ms});
  RawClient running(stage.port());
  running.send(completion("on and on", R"(,"stream":true)"));
  ASSERT_TRUE(running.receive_head());
  EXPECT_FALSE(stage.server().shutdown(10ms));
  std::string rest, piece;
  while (!(piece = running.receive_some()).empty()) rest += piece;
  EXPECT_EQ(rest.find("[DONE]"), std::string::npos);
  EXPECT_TRUE(stage.at_rest());
  EXPECT_FALSE(stage.server().shutdown(10ms)) << "later calls say the same";
}

}  // namespace
}  // namespace gantry::testing
