#include "cli/api_keys.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::cli {
namespace {

TEST(ApiKeys, OneALine) {
  EXPECT_EQ(keys_in("# of the box\n\n  sk-one \r\nsk-two#x\n\t# no\nlast", "keys"),
            (std::vector<std::string>{"sk-one", "sk-two#x", "last"}));
}

std::string where_of(std::string_view text) {
  try {
    keys_in(text, "keys");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.where();
  }
  return "none";
}

TEST(ApiKeys, WhatIsRefused) {
  EXPECT_EQ(where_of("a\nb c\n"), "keys:2");
  EXPECT_EQ(where_of("a\n\xc3\xa9\n"), "keys:2");
  EXPECT_EQ(where_of(std::string_view("a\0b", 3)), "keys:1");
  for (const char* empty : {"", "\n\n", "# none\n"}) EXPECT_EQ(where_of(empty), "keys") << empty;
}

}  // namespace
}  // namespace gantry::cli
