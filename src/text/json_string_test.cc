#include "text/json_string.h"

#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gantry::text {
namespace {

TEST(JsonString, EscapesWhatMustBe) {
  std::string out;
  append_json_string(out, std::string_view("a\"b\\c\n\r\t\b\f\x01\x00\x7f/", 14));
  EXPECT_EQ(out, "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u0000\x7f/\"");
}

TEST(JsonString, ReplacesWhatIsNoUtf8) {
  const auto written = [](std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
  };
  EXPECT_EQ(written("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
  EXPECT_EQ(written("a\xC3"), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(written("a\xE2\x82z"), "\"a\xEF\xBF\xBDz\"") << "one for what began well, as everywhere in text";
  EXPECT_EQ(written("\xC0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"") << "overlong";
  EXPECT_EQ(written("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"") << "a surrogate";
  EXPECT_EQ(written("\xF4\x90\x80\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"")
      << "past U+10FFFF";
}

TEST(JsonString, WhateverItWritesIsReadAsWritten) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (size_t i = 0, n = random() % 30; i < n; ++i) text += static_cast<char>(random() % 256);
    std::string out;
    append_json_string(out, text);
    const auto read = nlohmann::json::parse(out, nullptr, false);
    ASSERT_FALSE(read.is_discarded()) << out;
    std::string again;
    append_json_string(again, read.get<std::string>());
    EXPECT_EQ(again, out) << "valid text is unchanged";
  }
}

}  // namespace
}  // namespace gantry::text
