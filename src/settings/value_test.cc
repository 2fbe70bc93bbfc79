#include "settings/value.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::settings {
namespace {

// The words of the refusal.
template <typename Read>
std::string refused(const Setting& row, const Read& read) {
  try {
    read();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_EQ(error.where(), row.name);
    return error.message();
  }
  ADD_FAILURE() << row.name << ": accepted";
  return {};
}

std::string refused_text(Id id, std::string_view text) {
  return refused(setting(id), [&] { read_text(setting(id), text); });
}

std::string refused_typed(Id id, const Typed& typed) {
  return refused(setting(id), [&] { read_typed(setting(id), typed); });
}

TEST(Value, CountsAreHeldAgainstTheirRange) {
  const Setting& port = setting(Id::kPort);
  EXPECT_EQ(read_text(port, "0"), Value(uint64_t{0}));
  EXPECT_EQ(read_text(port, "65535"), Value(uint64_t{65535}));
  for (const char* bad : {"", "-1", "65536", "x", "8080x", " 1", "1.5", "1e3", "99999999999999999999"})
    EXPECT_NE(refused_text(Id::kPort, bad).find("from 0 to 65535"), std::string::npos) << bad;
  EXPECT_EQ(read_text(setting(Id::kContext), "16777216"), Value(uint64_t{1} << 24));
  refused_text(Id::kContext, "0");
  refused_text(Id::kContext, "16777217");
  EXPECT_EQ(read_text(setting(Id::kSeed), "18446744073709551615"), Value(UINT64_MAX));
}

TEST(Value, NumbersAreHeldAgainstTheirRange) {
  EXPECT_EQ(read_text(setting(Id::kTemperature), "2"), Value(2.0));
  EXPECT_EQ(read_text(setting(Id::kPresencePenalty), "-2"), Value(-2.0));
  for (const char* bad : {"", "2.1", "-0.1", "nan", "inf", "x"}) refused_text(Id::kTemperature, bad);
}

TEST(Value, TextsChoicesAndLists) {
  EXPECT_EQ(read_text(setting(Id::kKvType), "q8_0"), Value(std::string("q8_0")));
  EXPECT_EQ(refused_text(Id::kKvType, "f64"), "'f64' is not one of f32, f16, q8_0");
  EXPECT_EQ(refused_text(Id::kAlias, ""), "a value is missing");
  EXPECT_EQ(read_text(setting(Id::kSystem), ""), Value(std::string()));
  EXPECT_EQ(read_text(setting(Id::kApiKey), "a  b"), Value(std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read_texts(setting(Id::kApiKey), {"a b"}), Value(std::vector<std::string>{"a b"}));
  refused_text(Id::kApiKey, " ");
  refused(setting(Id::kApiKey), [] { read_texts(setting(Id::kApiKey), {"a", ""}); });
}

TEST(Value, TrueAndFalse) {
  EXPECT_EQ(read_text(setting(Id::kPrefixCache), "false"), Value(false));
  EXPECT_EQ(read_text(setting(Id::kPrefixCache), "1"), Value(true));
  for (const char* bad : {"", "no", "2", "True"}) refused_text(Id::kPrefixCache, bad);
}

TEST(Value, Sizes) {
  EXPECT_EQ(parse_size("1"), 1u);
  EXPECT_EQ(parse_size("4096B"), 4096u);
  EXPECT_EQ(parse_size("1.5GiB"), 3u << 29);
  EXPECT_EQ(parse_size("2MB"), 2'000'000u);
  EXPECT_EQ(parse_size("8192TiB"), uint64_t{1} << 53);
  for (const char* bad :
       {"", "0", "0.1", "GiB", "1 GiB", "1gib", "-1", "inf", "1e3", "nan", "8193TiB", "1GiBs"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Value, Durations) {
  EXPECT_EQ(parse_duration("0"), 0u);
  EXPECT_EQ(parse_duration("30"), 30'000u);
  EXPECT_EQ(parse_duration("1.5s"), 1500u);
  EXPECT_EQ(parse_duration("500ms"), 500u);
  EXPECT_EQ(parse_duration("2min"), 120'000u);
  EXPECT_EQ(parse_duration("24h"), 86'400'000u);
  for (const char* bad : {"", "s", "-1", "1 s", "1d", "nan", "0.1ms"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  read_text(setting(Id::kDrain), "24h");
  refused_text(Id::kDrain, "86401");
}

TEST(Value, WhatAFileHasTyped) {
  EXPECT_EQ(read_typed(setting(Id::kPort), int64_t{80}), Value(uint64_t{80}));
  EXPECT_EQ(read_typed(setting(Id::kMemoryCap), std::string("1KiB")), Value(uint64_t{1024}));
  EXPECT_EQ(read_typed(setting(Id::kMemoryCap), int64_t{1024}), Value(uint64_t{1024}));
  EXPECT_EQ(read_typed(setting(Id::kDrain), 1.5), Value(uint64_t{1500}));
  EXPECT_EQ(read_typed(setting(Id::kTemperature), int64_t{1}), Value(1.0));
  EXPECT_EQ(read_typed(setting(Id::kApiKey), std::string("a b")), Value(std::vector<std::string>{"a b"}));
  EXPECT_EQ(read_typed(setting(Id::kPrefixCache), false), Value(false));
  EXPECT_EQ(refused_typed(Id::kPort, std::string("80")),
            "this is a text, not a whole number from 0 to 65535");
  EXPECT_EQ(refused_typed(Id::kHost, int64_t{1}), "this is a whole number, not a text");
  EXPECT_EQ(refused_typed(Id::kPrefixCache, int64_t{1}), "this is a whole number, not true or false");
  refused_typed(Id::kPort, int64_t{-1});
  refused_typed(Id::kPort, true);
  refused_typed(Id::kDrain, std::numeric_limits<double>::infinity());
  refused_typed(Id::kDrain, std::numeric_limits<double>::quiet_NaN());
  refused_typed(Id::kDrain, 1e300);
  refused_typed(Id::kTemperature, std::numeric_limits<double>::quiet_NaN());
}

TEST(Value, ASecretIsNotShown) {
  const Setting& key = setting(Id::kApiKey);
  EXPECT_EQ(to_text(key, read_text(key, "hush")).find("hush"), std::string::npos);
}

TEST(Value, ShownAsItIsRead) {
  const auto shown = [](Id id, const char* text) {
    return to_text(setting(id), read_text(setting(id), text));
  };
  EXPECT_EQ(shown(Id::kMemoryCap, "4096MiB"), "4GiB");
  EXPECT_EQ(shown(Id::kMemoryCap, "1000"), "1000");
  EXPECT_EQ(shown(Id::kDrain, "30"), "30s");
  EXPECT_EQ(shown(Id::kDrain, "1.5"), "1500ms");
  EXPECT_EQ(shown(Id::kTopP, "0.95"), "0.95");
  EXPECT_EQ(shown(Id::kCorsOrigin, "a b"), "a b");
}

}  // namespace
}  // namespace gantry::settings
