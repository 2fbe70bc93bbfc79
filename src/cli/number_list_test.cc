#include "cli/number_list.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::cli {
namespace {

TEST(NumberList, OneOrSeveral) {
  EXPECT_EQ(parse_counts("clients", "7", 1, 9), (std::vector<uint32_t>{7}));
  EXPECT_EQ(parse_counts("clients", "1,9,1", 1, 9), (std::vector<uint32_t>{1, 9, 1}));
  EXPECT_EQ(parse_rates("rate", "0.5,2,1e3", 1e3), (std::vector<double>{0.5, 2, 1000}));
}

TEST(NumberList, WhatIsNone) {
  for (const char* text : {"", ",", "1,", ",1", "0", "10", "1 2", "x", "-1", "1.5", "99999999999999999999"}) {
    try {
      parse_counts("clients", text, 1, 9);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_EQ(error.where(), "clients");
    }
  }
  for (const char* text : {"0", "-1", "nan", "inf", "1001", ""})
    EXPECT_THROW(parse_rates("rate", text, 1e3), Error);
  std::string many = "1";
  for (size_t i = 1; i < kListedMax; ++i) many += ",1";
  EXPECT_EQ(parse_counts("depth", many, 0, 1).size(), kListedMax);
  EXPECT_THROW(parse_counts("depth", many + ",1", 0, 1), Error);
}

}  // namespace
}  // namespace gantry::cli
