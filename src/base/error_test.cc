#include "base/error.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(Error, EveryCodeHasItsRowAndRowsAreDistinct) {
  std::set<std::string> names;
  for (const ErrorFacts& row : error_table()) {
    EXPECT_EQ(&error_facts(row.code), &row);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_GE(row.http_status, 400);
    EXPECT_LT(row.http_status, 600);
    EXPECT_GT(row.exit_status, 0);
    EXPECT_LT(row.exit_status, 256);
  }
}

TEST(Error, SaysWhereWhatAndMend) {
  const Error error(ErrorCode::kBadFile, "tensor count is 9e18", "m.gguf at byte 8", "download it again");
  EXPECT_STREQ(error.what(), "m.gguf at byte 8: tensor count is 9e18 (download it again)");
  EXPECT_STREQ(Error(ErrorCode::kBusy, "full").what(), "full");
}

}  // namespace
}  // namespace gantry
