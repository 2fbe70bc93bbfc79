#include "text/json.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <span>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gantry {
namespace {

using Other = nlohmann::ordered_json;  // an independent reading and writing

std::string other_dump(const Other& other, int indent = -1) {
  return other.dump(indent, ' ', false, Other::error_handler_t::replace);
}

// Documents and changes to them, the same for the same seed.
class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}
  size_t below(size_t n) { return random_() % n; }

  std::string text() {
    static const std::vector<std::string> kPieces = {"a", "\"", "\\", "\n", "\x01",    "\x7f",
                                                     "é", "世", "👋", "/",  "\t\b\f\r"};
    std::string out;
    for (size_t i = below(below(4) == 0 ? 40 : 6); i > 0; --i) out += kPieces[below(kPieces.size())];
    return out;
  }
  std::string key(size_t keys) {
    return (below(2) == 0 ? "k" : "a long name of a key ") + std::to_string(below(keys));
  }
  Other scalar() {
    switch (below(7)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return static_cast<int64_t>(random_());
      case 3:
        return random_();
      case 4:
        return static_cast<double>(static_cast<int>(below(2001)) - 1000) / 8;
      default:
        return text();
    }
  }
  Other document(int depth) {
    if (depth == 0 || below(3) == 0) return scalar();
    const size_t count = below(6) == 0 ? 40 : below(5);
    Other out = below(2) == 0 ? Other::array() : Other::object();
    for (size_t i = 0; i < count; ++i) {
      if (out.is_array())
        out.push_back(document(depth - 1));
      else
        out[key(100)] = document(depth - 1);
    }
    return out;
  }

 private:
  std::mt19937_64 random_;
};

TEST(Json, ReadsAndWritesAsAnotherLibraryDoes) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const Other other = Maker(seed).document(3);
    for (const int indent : {-1, 0, 3}) {
      const Json json = Json::parse(other_dump(other, indent));
      ASSERT_EQ(json.dump(), other_dump(other)) << seed;
      ASSERT_EQ(json.dump(2), other_dump(other, 2)) << seed;
      ASSERT_EQ(json.dump(0), other_dump(other, 0)) << seed;
      ASSERT_EQ(json, Json::parse(json.dump(1))) << seed;
      ASSERT_EQ(Json(json), json) << seed;
    }
  }
}

std::string words_of(std::string_view text) {
  try {
    static_cast<void>(Json::parse(text));
  } catch (const JsonError& error) {
    return error.what();
  }
  return "";
}

std::string other_words(std::string_view text) {
  try {
    const Other other = Other::parse(text);
  } catch (const Other::exception& error) {
    const std::string words = error.what();
    return words.substr(words.find("] ") + 2);
  }
  return "";
}

TEST(Json, RefusesWhatAnotherLibraryRefusesInItsWords) {
  std::vector<std::string> texts = {
      "",           " ",        "[",        "{\"a\"}",     "[1,]",  "nul",  "01",
      "1e400",      "-1e999",   "\"\xff\"", "\"\\ud800\"", "\"a",   "[1]x", "\xef\xbb\xbf[1]",
      "{\"a\":1,}", "\n\n {1}", "-",        "1.",          "\"\t\""};
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Maker maker(seed);
    std::string text = other_dump(maker.document(2));
    text[maker.below(text.size())] = std::string_view("\"\\{}[],:x0.\xc3")[maker.below(12)];
    texts.push_back(std::move(text));
  }
  size_t refused = 0;
  for (const std::string& text : texts) {
    ASSERT_EQ(words_of(text), other_words(text)) << text;
    const bool good = words_of(text).empty();
    refused += good ? 0U : 1U;
    ASSERT_EQ(Json::accept(text), good) << text;
    ASSERT_EQ(Json::try_parse(text).has_value(), good) << text;
    if (!good) continue;
    ASSERT_EQ(Json::parse(text), Json::parse(other_dump(Other::parse(text)))) << text;
  }
  EXPECT_GT(refused, 500u);
  EXPECT_EQ(words_of("{\n \"a\": }").substr(0, 38), "parse error at line 2, column 7: synta");
}

std::string nested(size_t depth, bool objects) {
  std::string text;
  for (size_t i = 0; i < depth; ++i) text += objects ? "{\"a\":" : "[";
  text += "1";
  for (size_t i = 0; i < depth; ++i) text += objects ? '}' : ']';
  return text;
}

TEST(Json, DepthAtItsLimit) {
  for (const bool objects : {false, true}) {
    const std::string deepest = nested(Json::kDepthMax, objects);
    const Json json = Json::parse(deepest);
    EXPECT_EQ(json.dump(), deepest);
    EXPECT_EQ(json, Json(json));
    EXPECT_EQ(words_of(nested(Json::kDepthMax + 1, objects)), "it is nested deeper than 512 levels");
    EXPECT_FALSE(Json::accept(nested(100'000, objects)));
  }
}

TEST(Json, NumbersAtTheBorders) {
  for (const char* text : {"0",
                           "-0",
                           "1",
                           "-1",
                           "9223372036854775807",
                           "9223372036854775808",
                           "18446744073709551615",
                           "18446744073709551616",
                           "-9223372036854775808",
                           "-9223372036854775809",
                           "0.0",
                           "-0.0",
                           "1e0",
                           "5e-324",
                           "2.2250738585072014e-308",
                           "1.7976931348623157e308",
                           "1e15",
                           "1e14",
                           "1e16",
                           "123456789012345.0",
                           "1234567890123456.0",
                           "0.001",
                           "0.0001",
                           "0.00001",
                           "1e-7",
                           "1.5e300",
                           "100",
                           "1e2",
                           "1e100",
                           "0.1",
                           "-2.5e-10"}) {
    const Json json = Json::parse(text);
    const Other other = Other::parse(text);
    EXPECT_EQ(json.dump(), other.dump()) << text;
    EXPECT_EQ(json.is_number_integer(), other.is_number_integer()) << text;
    EXPECT_EQ(json.is_number_unsigned(), other.is_number_unsigned()) << text;
    EXPECT_EQ(json.is_number_float(), other.is_number_float()) << text;
    EXPECT_EQ(json.get<double>(), other.get<double>()) << text;
  }
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(Json(int64_t{-1}).get<uint32_t>(), 4294967295u);
  EXPECT_EQ(Json(1e300).get<uint64_t>(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(Json(-1e300).get<int64_t>(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Json(-2.7).get<int>(), -2);
  EXPECT_EQ(Json(std::nan("")).get<int>(), 0);
  EXPECT_EQ(Json(7).get<float>(), 7.0f);
}

// As short as any that reads back, so never longer than what another library finds.
TEST(Json, DoublesAreTheirShortestText) {
  std::mt19937_64 random(7);
  size_t equal = 0;
  constexpr size_t kTried = 100'000;
  for (size_t i = 0; i < kTried; ++i) {
    const auto number = std::bit_cast<double>(random());
    if (!std::isfinite(number)) continue;
    const std::string text = Json(number).dump(), other = Other(number).dump();
    double back = 0;
    std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(number)) << text;
    ASSERT_LE(text.size(), other.size()) << text << " " << other;
    equal += text == other ? 1U : 0U;
  }
  EXPECT_GT(equal, kTried * 98 / 100);
}

TEST(Json, WritesWhatIsNoUtf8AsReplacements) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes;
    static constexpr std::string_view kBytes = "a\xc3\xa9\xe4\xb8\x96\xf0\x9f\x91\x8b\xff\x80\xed\xa0\xc0";
    for (size_t n = random() % 8; n > 0; --n) bytes += kBytes[random() % kBytes.size()];
    ASSERT_EQ(Json(bytes).dump(), other_dump(Other(bytes)));
  }
}

TEST(Json, ChangesAsAnotherLibraryChanges) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Maker maker(seed);
    const size_t keys = seed % 3 == 0 ? 200 : 8;
    Json json = Json::object();
    Other other = Other::object();
    Json list;
    Other other_list;
    for (int step = 0; step < 300; ++step) {
      const std::string key = maker.key(keys);
      const Other value = maker.document(1);
      const Json same = Json::parse(other_dump(value));
      ASSERT_EQ(json.contains(key), other.contains(key));
      switch (maker.below(6)) {
        case 0:
          ASSERT_EQ(json.erase(key), other.erase(key));
          break;
        case 1:
          list.push_back(same);
          other_list.push_back(value);
          break;
        case 2:
          if (const size_t at = maker.below(list.size() + 1); list.is_array()) {
            list.insert(list.begin() + static_cast<ptrdiff_t>(at), same);
            other_list.insert(other_list.begin() + static_cast<ptrdiff_t>(at), value);
          }
          break;
        case 3:
          if (!list.empty()) {
            const size_t at = maker.below(list.size());
            list.erase(at);
            other_list.erase(at);
          }
          break;
        default:
          json[key] = same;
          other[key] = value;
      }
      const auto found = json.find(key);
      ASSERT_EQ(found != json.end(), other.contains(key));
      if (found != json.end()) {
        ASSERT_EQ(found->dump(), other_dump(other[key]));
      }
    }
    ASSERT_EQ(json.dump(), other_dump(other));
    ASSERT_EQ(list.dump(), other_dump(other_list));
    size_t at = 0;
    for (const auto& [key, value] : json.items())
      ASSERT_EQ(&json[key], &*(json.begin() + static_cast<ptrdiff_t>(at++))) << value;
    ASSERT_EQ(at, json.size());
  }
}

TEST(Json, TheLastOfEqualKeysCounts) {
  EXPECT_EQ(Json::parse(R"({"a":1,"b":2,"a":[3]})").dump(), R"({"a":[3],"b":2})");
  for (const size_t keys : {size_t{7}, size_t{Json::kIndexedKeys}, size_t{1000}}) {
    std::string text = "{";
    for (size_t round = 0; round < 3; ++round)
      for (size_t i = 0; i < keys; ++i)
        text += "\"key" + std::to_string(i) + "\":" + std::to_string(round * keys + i) + ",";
    text.back() = '}';
    const Json json = Json::parse(text);
    ASSERT_EQ(json.dump(), other_dump(Other::parse(text)));
    ASSERT_EQ(json.size(), keys);
    for (size_t i = 0; i < keys; ++i) ASSERT_EQ(json["key" + std::to_string(i)], 2 * keys + i);
    EXPECT_FALSE(json.contains("key"));
  }
}

TEST(Json, LiteralsAreWhatTheyLookLike) {
  const std::vector<std::string> words = {"x", "y"};
  const std::map<std::string, uint64_t> counts = {{"a", 1}, {"b", 2}};
  Json moved = Json::array({1, "two", nullptr});
  const Json json = {{"words", words},
                     {"counts", counts},
                     {"moved", std::move(moved)},
                     {"pair", {1.5, true}},
                     {"none", Json()}};
  EXPECT_EQ(
      json.dump(),
      R"({"words":["x","y"],"counts":{"a":1,"b":2},"moved":[1,"two",null],"pair":[1.5,true],"none":null})");
  EXPECT_TRUE(moved.is_null());
  EXPECT_EQ((Json{{{"a", 1}}}).dump(), R"([{"a":1}])");
  EXPECT_EQ((Json{"a", "b", "c"}).dump(), R"(["a","b","c"])");
  EXPECT_EQ(Json::object({{"a", Json::array()}}).dump(), R"({"a":[]})");
  EXPECT_EQ(Json(std::span<const std::string>(words)).dump(), R"(["x","y"])");
  EXPECT_THROW(Json::object({{"a", 1}, {"b"}}), JsonError);
  std::ostringstream out;
  out << json["pair"];
  EXPECT_EQ(out.str(), "[1.5,true]");
}

TEST(Json, EqualByValueAndOrder) {
  EXPECT_EQ(Json(1), Json(1u));
  EXPECT_EQ(Json(1), 1.0);
  EXPECT_NE(Json(-1), Json(std::numeric_limits<uint64_t>::max()));
  EXPECT_NE(Json(1), true);
  EXPECT_NE(Json("1"), 1);
  EXPECT_EQ(Json("a text that is longer than a value"), "a text that is longer than a value");
  EXPECT_EQ(Json(), nullptr);
  EXPECT_EQ(Json::array(), Json::parse("[ ]"));
  EXPECT_NE(Json::array(), Json::object());
  EXPECT_NE(Json::parse(R"({"a":1,"b":2})"), Json::parse(R"({"b":2,"a":1})"));
  EXPECT_NE(Json::parse("[1,2]"), Json::parse("[1,2,3]"));
}

TEST(Json, APartOfItselfCanBeGivenToIt) {
  Json json = Json::parse(R"({"a":{"b":["c"]}})");
  json["again"] = json;
  EXPECT_EQ(json.dump(), R"({"a":{"b":["c"]},"again":{"a":{"b":["c"]}}})");
  json = json["a"];
  EXPECT_EQ(json.dump(), R"({"b":["c"]})");
  json = std::move(json["b"]);
  EXPECT_EQ(json.dump(), R"(["c"])");
  for (int i = 0; i < 5; ++i) json.push_back(json.front());
  EXPECT_EQ(json.dump(), R"(["c","c","c","c","c","c"])");
  json = Json::parse(R"({"short":1,"other":2})");
  json[json.items().begin().operator*().key] = 3;
  EXPECT_EQ(json.dump(), R"({"short":3,"other":2})");
}

TEST(Json, WhatIsOfAnotherKindIsRefused) {
  Json list = Json::parse("[1,\"a\"]"), object = Json::parse(R"({"a":1})"), text = "text", null;
  EXPECT_THROW(list[2], JsonError);
  EXPECT_THROW(null.back(), JsonError);
  EXPECT_THROW(Json::array().back(), JsonError);
  EXPECT_THROW(list["a"], JsonError);
  EXPECT_THROW(object[0], JsonError);
  EXPECT_THROW(std::as_const(object)["b"], JsonError);
  EXPECT_THROW(text["a"], JsonError);
  EXPECT_THROW(text.push_back(1), JsonError);
  EXPECT_THROW(object.push_back(1), JsonError);
  EXPECT_THROW(text.erase("a"), JsonError);
  EXPECT_THROW(static_cast<void>(text.get<int>()), JsonError);
  EXPECT_THROW(static_cast<void>(list.get<std::string>()), JsonError);
  EXPECT_THROW(static_cast<void>(null.get<bool>()), JsonError);
  EXPECT_THROW(static_cast<void>(text.get<std::vector<int>>()), JsonError);
  EXPECT_THROW(static_cast<void>(text.value("a", 1)), JsonError);
  EXPECT_EQ(object.value("a", 7), 1);
  EXPECT_EQ(object.value("b", "left out"), "left out");
  EXPECT_EQ(list[0].get<int>(), 1);
  EXPECT_EQ(text.find("a"), text.end());
  EXPECT_EQ(null.size(), 0u);
  EXPECT_EQ(text.size(), 1u);
  size_t seen = 0;
  for (const Json& item : text) seen += item == "text" ? 1U : 0U;
  for (const auto& [key, value] : list.items()) ADD_FAILURE() << key << value;
  EXPECT_EQ(seen, 1u);
  EXPECT_EQ(Json::parse("[1,2,3]").get<std::vector<int>>(), (std::vector<int>{1, 2, 3}));
}

}  // namespace
}  // namespace gantry
