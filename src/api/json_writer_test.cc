#include "api/json_writer.h"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

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

TEST(JsonWriter, AStringInParts) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("a").begin_string().characters("x\"").characters("").characters("\n");
  json.end_string().key("b").begin_string().end_string().end_object();
  EXPECT_EQ(out, R"({"a":"x\"\n","b":""})");
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

}  // namespace
}  // namespace gantry::api
