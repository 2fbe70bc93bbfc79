#include "api/json_writer.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gantry::api {
namespace {

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .key("a")
      .begin_array()
      .value(1)
      .value("x")
      .begin_object()
      .end_object()
      .begin_array()
      .end_array();
  json.end_array()
      .key("b")
      .null()
      .key("c")
      .value(true)
      .key("d")
      .begin_object()
      .key("e")
      .value(-1.5)
      .end_object();
  json.end_object();
  EXPECT_EQ(out, R"({"a":[1,"x",{},[]],"b":null,"c":true,"d":{"e":-1.5}})");
}

TEST(JsonWriter, EscapesWhatMustBe) {
  std::string out;
  append_json_string(out, std::string_view("a\"b\\c\n\r\t\x01\x00\x7f/", 12));
  EXPECT_EQ(out, "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u0000\\u007f/\"");
}

TEST(JsonWriter, ReplacesWhatIsNoUtf8) {
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

TEST(JsonWriter, NumbersThatJsonHasNot) {
  std::string out;
  JsonWriter json(out);
  json.begin_array()
      .value(std::numeric_limits<double>::infinity())
      .value(std::nan(""))
      .value(0.1)
      .end_array();
  EXPECT_EQ(out, "[null,null,0.1]");
}

TEST(JsonWriter, WhateverItWritesIsReadAsWritten) {
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
}  // namespace gantry::api
