#include "base/log_line.h"

#include <cstdlib>
#include <ctime>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::log {
namespace {

constexpr std::chrono::system_clock::time_point kTime{std::chrono::milliseconds(1'741'525'507'123)};

class LogLine : public testing::Test {
 protected:
  void SetUp() override { zone("<+0545>-05:45"); }
  void TearDown() override { zone(nullptr); }
  static void zone(const char* name) {
    if (name == nullptr)
      ::unsetenv("TZ");
    else
      ::setenv("TZ", name, 1);
    ::tzset();
  }
};

TEST_F(LogLine, Text) {
  const std::vector<Fact> facts = {{"status", uint64_t{200}, true},  {"seconds", 1.25},
                                   {"tokens", uint64_t{7}},          {"id", "req_1"},
                                   {"message", "no \"such\" model"}, {"empty", ""}};
  EXPECT_EQ(line(Format::kText, kTime, "info", "http", "a\nb\x1b -> 200", facts),
            "2025-03-09T18:50:07.123+05:45 info  http: a b  -> 200 seconds=1.250 tokens=7 id=req_1 "
            "message=\"no \\\"such\\\" model\" empty=\"\"\n");
  zone("<-03>3");
  EXPECT_TRUE(
      line(Format::kText, kTime, "info", "http", "", {}).starts_with("2025-03-09T10:05:07.123-03:00 "));
}

TEST_F(LogLine, Json) {
  const std::vector<Fact> facts = {
      {"status", uint64_t{200}, true}, {"seconds", 1.25}, {"path", "/\"\xff\xc3\xa9\n"}};
  EXPECT_EQ(line(Format::kJson, kTime, "info", "http", "x", facts),
            "{\"time\":\"2025-03-09T18:50:07.123+05:45\",\"level\":\"info\",\"room\":\"http\",\"text\":\"x\","
            "\"status\":200,\"seconds\":1.250,\"path\":\"/\\\"\\u00ff\xc3\xa9\\u000a\"}\n");
}

// What is no UTF-8 (RFC 3629) is told byte by byte; what is goes through.
TEST_F(LogLine, JsonIsUtf8) {
  for (const char* whole : {"\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf", "\xe0\xa0\x80"})
    EXPECT_NE(line(Format::kJson, kTime, "info", "r", whole, {}).find(whole), std::string::npos) << whole;
  for (const char* broken :
       {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80", "\xf0\x9f", "\x80"}) {
    const std::string told = line(Format::kJson, kTime, "info", "r", broken, {});
    for (const char c : told) EXPECT_LT(static_cast<unsigned char>(c), 0x80) << told;
  }
}

}  // namespace
}  // namespace gantry::log
