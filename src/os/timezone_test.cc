#include "os/timezone.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::os {
namespace {

class Timezone : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* zone = std::getenv("TZ")) before_ = zone;
  }
  void TearDown() override {
    if (before_)
      ::setenv("TZ", before_->c_str(), 1);
    else
      ::unsetenv("TZ");
    ::tzset();
  }
  // Seconds east of UTC at that time.
  static long offset_at(std::time_t when) {
    std::tm local{};
    localtime_r(&when, &local);
    return local.tm_gmtoff;
  }

 private:
  std::optional<std::string> before_;
};

constexpr std::time_t kJanuary = 1736899200, kJuly = 1752537600;  // of 2025, the 15th

TEST_F(Timezone, Offsets) {
  for (const auto& [name, minutes] : {std::pair{"+02:00", 120},
                                      {"-0330", -210},
                                      {"UTC+5", 300},
                                      {"+5:45", 345},
                                      {"-14", -840},
                                      {"UTC", 0},
                                      {"UTC-00:30", -30}}) {
    set_timezone(name);
    EXPECT_EQ(offset_at(kJanuary), minutes * 60) << name;
    EXPECT_EQ(offset_at(kJuly), minutes * 60) << name;
  }
}

TEST_F(Timezone, Names) {
  if (!std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin")) GTEST_SKIP() << "no tzdata";
  set_timezone("Europe/Berlin");
  EXPECT_EQ(offset_at(kJanuary), 3600);
  EXPECT_EQ(offset_at(kJuly), 7200);
}

TEST_F(Timezone, WhatIsNone) {
  for (const char* name : {"", "Europe/Atlantis", "/etc/localtime", "../localtime", "Europe", "+15", "+2:0",
                           "+02:60", "+02:00x", "02:00", "UTC+", "GMT+", "a b", "\xc3\xa9"}) {
    try {
      set_timezone(name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_EQ(error.where(), "timezone");
      EXPECT_NE(error.mend().find("+02:00"), std::string::npos);
    }
  }
  EXPECT_THROW(set_timezone(std::string(100'000, 'x')), Error);
}

}  // namespace
}  // namespace gantry::os
