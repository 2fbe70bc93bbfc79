// Who a client is: what goes by its address, behind a proxy too.
#include <optional>
#include <string>
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

TEST(Address, ClientsBehindATrustedProxyAreToldApart) {
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  StageOptions options;
  options.server.request_memory = 64 * kMiB;  // half of it for the bodies of one address
  options.server.memory_patience = 100ms;
  options.server.trusted_proxies = http::TrustedProxies({"127.0.0.1"});
  Stage stage(options);
  std::vector<RawClient> halves;
  for (int i = 0; i < 2; ++i) {
    halves.emplace_back(stage.port());
    halves.back().send(
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.1\r\n"
        "Content-Length: " +
        std::to_string(16 * kMiB) + "\r\n\r\n" + std::string(15 * kMiB, ' '));
  }
  await([&] { return stage.server().stats().memory >= 29 * kMiB; }, "the halves");
  const std::string body =
      R"json({"model":"sim","prompt":"say(x)","user":")json" + std::string(4 * kMiB, 'x') + "\"}";
  const auto status_for = [&](std::string_view headers) {
    const auto answer = ask(stage.port(), post("/v1/completions", body, headers));
    return answer ? answer->status : 0;
  };
  EXPECT_EQ(status_for("X-Forwarded-For: 192.0.2.1\r\n"), 429);
  EXPECT_EQ(status_for("Forwarded: for=192.0.2.1\r\n"), 429);
  EXPECT_EQ(status_for("X-Forwarded-For: 192.0.2.2\r\n"), 200);
  EXPECT_EQ(status_for("X-Forwarded-For: junk\r\n"), 200) << "the proxy's own";
}

std::optional<RawResponse> health(RawClient& client) {
  client.send(get("/health"));
  return client.receive();
}

TEST(Address, OneHoldsAtMostHalfOfTheConnections) {
  StageOptions options;
  options.server.connections_max = 8;
  Stage stage(options);
  std::vector<RawClient> held, local;
  for (int i = 0; i < 4; ++i) {
    held.emplace_back(stage.port(), 0, "127.0.0.2");
    ASSERT_EQ(health(held.back())->status, 200);
  }
  RawClient one_more(stage.port(), 0, "127.0.0.2");
  const auto refused = one_more.receive();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429);
  EXPECT_NE(refused->header("retry-after"), "");
  EXPECT_NE(json::parse(refused->body)["error"]["message"].get<std::string>().find("trusted_proxies"),
            std::string::npos);
  EXPECT_EQ(stage.server().stats().connections_refused, 1U);
  // Others have the other half; of those on this machine nothing says who is who.
  for (int i = 0; i < 4; ++i) {
    local.emplace_back(stage.port());
    ASSERT_EQ(health(local.back())->status, 200) << i;
  }
  RawClient too_many(stage.port());
  EXPECT_EQ(too_many.receive()->status, 503);
  held.pop_back();
  await([&] { return stage.server().stats().connections == 7; }, "the end of a connection");
  RawClient again(stage.port(), 0, "127.0.0.2");
  EXPECT_EQ(health(again)->status, 200);
}

TEST(Address, AProxysConnectionsAreOfManyClients) {
  StageOptions options;
  options.server.connections_max = 8;
  options.server.trusted_proxies = http::TrustedProxies({"127.0.0.2"});
  Stage stage(options);
  std::vector<RawClient> held;
  for (int i = 0; i < 8; ++i) {
    held.emplace_back(stage.port(), 0, "127.0.0.2");
    ASSERT_EQ(health(held.back())->status, 200) << i;
  }
}

TEST(Address, TheOnlyConnectionIsAnybodys) {
  StageOptions options;
  options.server.connections_max = 1;
  Stage stage(options);
  RawClient client(stage.port(), 0, "127.0.0.2");
  EXPECT_EQ(health(client)->status, 200);
}

}  // namespace
}  // namespace gantry::testing
