#include "api/field_names.h"

#include <gtest/gtest.h>

namespace gantry::api {
namespace {

TEST(FieldNames, WhatWasNotNamedOtherwiseStays) {
  EXPECT_EQ(FieldNames().written("temperature"), "temperature");
  EXPECT_EQ(FieldNames().written(""), "");
}

TEST(FieldNames, WholePartsOfAPathOnly) {
  FieldNames names;
  names.add("prompt", "messages");
  EXPECT_EQ(names.written("prompt"), "messages");
  EXPECT_EQ(names.written("prompt[2].role"), "messages[2].role");
  EXPECT_EQ(names.written("prompts"), "prompts");
}

TEST(FieldNames, TheLongestBeginningDecides) {
  FieldNames names;
  names.add("messages[0]", "system");
  names.add("messages[1]", "messages[0]");
  names.add("messages[1].tool_calls[0]", "messages[0].content[1]");
  EXPECT_EQ(names.written("messages[0].content"), "system.content");
  EXPECT_EQ(names.written("messages[1].role"), "messages[0].role");
  EXPECT_EQ(names.written("messages[1].tool_calls[0].function"), "messages[0].content[1].function");
  EXPECT_EQ(names.written("messages"), "messages");
}

TEST(FieldNames, TheLaterNameTakesThePlace) {
  FieldNames names;
  names.add("max_tokens", "max_tokens");
  names.add("max_tokens", "max_completion_tokens");
  EXPECT_EQ(names.written("max_tokens"), "max_completion_tokens");
}

}  // namespace
}  // namespace gantry::api
