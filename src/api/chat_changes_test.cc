#include "api/chat_changes.h"

#include <memory>

#include <gtest/gtest.h>

namespace gantry::api {
namespace {

TEST(ChatChanges, AreOneHeader) {
  EXPECT_TRUE(change_headers({}).empty());
  const auto headers = change_headers({"systems-joined", "calls-in-notation"});
  ASSERT_EQ(headers.size(), 1U);
  EXPECT_EQ(headers[0].name, "x-gantry-chat-changes");
  EXPECT_EQ(headers[0].value, "systems-joined, calls-in-notation");
}

// A client's own words in a header end neither it nor the head.
TEST(ChatChanges, CarryNothingThatEndsAHeader) {
  EXPECT_EQ(change_headers({"ignored:a\r\nset-cookie: x, y", "ignored:\xc3\xa9\x01"})[0].value,
            "ignored:a??set-cookie:?x??y, ignored:???");
  EXPECT_EQ(change_headers({std::string(5000, 'x')})[0].value.size(), kChatChangesBytesMax);
}

TEST(ChatChanges, OfSeveralPromptsEachOnce) {
  const auto prepared = [](std::vector<std::string> changes) {
    auto out = std::make_shared<completion::Prepared>();
    out->chat.changes = std::move(changes);
    return out;
  };
  EXPECT_EQ(changes_of({prepared({"a", "b"}), prepared({"b", "c"})}),
            (std::vector<std::string>{"a", "b", "c"}));
}

}  // namespace
}  // namespace gantry::api
