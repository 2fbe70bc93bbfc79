#include "api/json_read.h"

#include <string>

#include <gtest/gtest.h>

#include "api/limits.h"

namespace gantry::api {
namespace {

int status_of(const std::string& body) {
  try {
    parse_object(body);
  } catch (const http::Refusal& error) {
    return error.status();
  }
  return 200;
}

std::string nested(uint32_t depth) {
  return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

TEST(JsonRead, DepthAtItsLimit) {
  EXPECT_EQ(status_of(nested(kJsonDepthMax)), 200);
  EXPECT_EQ(status_of(nested(kJsonDepthMax + 1)), 400);
  EXPECT_EQ(status_of(std::string(1'000'000, '[')), 400);
}

TEST(JsonRead, BracketsInStringsAreText) {
  EXPECT_EQ(status_of("{\"a\":\"" + std::string(200, '[') + "\\\"[[\"}"), 200);
}

TEST(JsonRead, ValuesAtTheirLimit) {
  const auto list = [](size_t values) {
    std::string out = "{\"a\":[1";
    for (size_t i = 1; i < values; ++i) out += ",1";
    return out + "]}";
  };
  EXPECT_EQ(status_of(list(kJsonValuesMax - 10)), 200);
  EXPECT_EQ(status_of(list(kJsonValuesMax + 1)), 413);
}

TEST(JsonRead, KeysAtTheirLimit) {
  const auto object = [](size_t keys) {
    std::string out = "{";
    for (size_t i = 0; i < keys; ++i) out += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
    return out + "}";
  };
  EXPECT_EQ(status_of(object(kJsonKeysMax)), 200);
  EXPECT_EQ(status_of(object(kJsonKeysMax + 1)), 413);
}

TEST(JsonRead, WhatIsNoJson) {
  for (const char* body :
       {"", "{", "nul", "{\"a\":}", "{\"a\":1}x", "\xff", "{\"a\":\"\xff\"}", "{\"a\":1e999}", "[]", "1"})
    EXPECT_EQ(status_of(body), 400) << body;
}

TEST(JsonRead, AByteOrderMarkIsNoneOfIt) {
  EXPECT_EQ(parse_object("\xEF\xBB\xBF{\"a\":1}").dump(), R"({"a":1})");
  EXPECT_EQ(status_of("\xEF\xBB\xBF"), 400);
}

TEST(JsonRead, TheParsersWordsAreShort) {
  try {
    parse_object("{\"a\":\"" + std::string(100'000, 'x'));
    FAIL();
  } catch (const http::Refusal& error) {
    EXPECT_LT(error.message().size(), 400U);
  }
}

struct Target {
  int count = 0;
  std::string text;
};
constexpr Field<Target> kTable[] = {
    {"count", FieldKind::kInteger, 1, 5,
     [](Target& t, const Json& v) { t.count = static_cast<int>(v.get<double>()); }},
    {"text", FieldKind::kString, 0, 3, [](Target& t, const Json& v) { t.text = v.get<std::string>(); }},
};

std::string fault_of(const std::string& body) {
  Target target;
  try {
    read_fields<Target>(parse_object(body), kTable, target);
  } catch (const http::Refusal& error) {
    return error.field() + ":" + error.code();
  }
  return "";
}

TEST(JsonRead, FieldsByTheTable) {
  Target target;
  read_fields<Target>(parse_object(R"({"count": 5.0, "text": "abc", "other": 1})"), kTable, target);
  EXPECT_EQ(target.count, 5);
  EXPECT_EQ(target.text, "abc");
  EXPECT_EQ(fault_of(R"({"count": null, "text": null})"), "");
  EXPECT_EQ(fault_of(R"({"count": 6})"), "count:out_of_range");
  EXPECT_EQ(fault_of(R"({"count": 0})"), "count:out_of_range");
  EXPECT_EQ(fault_of(R"({"count": 2.5})"), "count:invalid_type");
  EXPECT_EQ(fault_of(R"({"count": true})"), "count:invalid_type");
  EXPECT_EQ(fault_of(R"({"count": 1e300})"), "count:out_of_range");
  EXPECT_EQ(fault_of(R"({"count": 99999999999999999999})"), "count:out_of_range");
  EXPECT_EQ(fault_of(R"({"text": 1})"), "text:invalid_type");
  EXPECT_EQ(fault_of(R"({"text": "abcd"})"), "text:out_of_range");
}

}  // namespace
}  // namespace gantry::api
