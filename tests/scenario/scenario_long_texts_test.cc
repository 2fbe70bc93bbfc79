// Texts as long as a body may be.
#include <algorithm>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "os/memory_account.h"
#include "tests/scenario/raw_client.h"
#include "tests/scenario/stage.h"

namespace gantry::testing {
namespace {

using nlohmann::json;

constexpr uint64_t kMiB = uint64_t{1} << 20;

std::string long_text(size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += "a text of some words, ";
  return text;
}

TEST(LongTexts, EveryTextThatABodyHoldsIsTokenized) {
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  Stage stage;  // the default's memory
  const std::string text = long_text(15 * kMiB);
  for (const bool with_pieces : {true, false}) {
    RawClient client(stage.port());
    ASSERT_TRUE(client.send(post("/tokenize", std::string(R"({"model":"sim","with_pieces":)") +
                                                  (with_pieces ? "true" : "false") + R"(,"content":")" +
                                                  text + "\"}")));
    const auto head = client.receive_head();
    ASSERT_TRUE(head);
    EXPECT_EQ(head->status, 200);
    size_t tokens = 0;
    std::string rest;
    for (std::string some = client.receive_some(); !some.empty(); some = client.receive_some()) {
      tokens += static_cast<size_t>(std::ranges::count(some, ','));
      rest = (rest + some).substr(rest.size() + some.size() > 16 ? rest.size() + some.size() - 16 : 0);
      if (rest.ends_with("\r\n0\r\n\r\n")) break;
    }
    EXPECT_GE(tokens, text.size() - 1);
  }
  EXPECT_LE(stage.server().stats().memory_peak, 128 * kMiB);
}

// A prompt that is far too long is named so, and not what it would have taken.
TEST(LongTexts, APromptAsLongAsABodyIsTooLongForTheContext) {
  if (!os::counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  Stage stage;
  const std::string text = long_text(15 * kMiB);
  const auto expect_too_long = [&](const std::string& request, const char* field) {
    const auto answer = ask(stage.port(), request);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400) << answer->body;
    const json error = json::parse(answer->body)["error"];
    EXPECT_EQ(error["code"], "context_length_exceeded") << answer->body;
    EXPECT_EQ(error["param"], field);
  };
  expect_too_long(post("/v1/completions", R"({"model":"sim","prompt":")" + text + "\"}"), "prompt");
  expect_too_long(post("/v1/chat/completions",
                       R"({"model":"sim","messages":[{"role":"user","content":")" + text + "\"}]}"),
                  "messages");
  EXPECT_LE(stage.server().stats().memory_peak, 128 * kMiB);
}

}  // namespace
}  // namespace gantry::testing
