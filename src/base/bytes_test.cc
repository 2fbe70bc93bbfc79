#include "base/bytes.h"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(Bytes, ReadsWhatPeopleWrite) {
  EXPECT_EQ(parse_bytes("1024"), 1024u);
  EXPECT_EQ(parse_bytes("4G"), uint64_t{4} << 30);
  EXPECT_EQ(parse_bytes("1.5 GiB"), uint64_t{3} << 29);
  EXPECT_EQ(parse_bytes("512MB"), uint64_t{512} << 20);
  for (const char* bad : {"", "G", "-1", "4X", "4GX", "99999999999T", "nan"})
    EXPECT_FALSE(parse_bytes(bad)) << bad;
}

TEST(Bytes, PrintsThreeDigits) {
  EXPECT_EQ(human_bytes(17), "17 B");
  EXPECT_EQ(human_bytes(1536), "1.50 KiB");
  EXPECT_EQ(human_bytes(uint64_t{640} << 20), "640 MiB");
  EXPECT_EQ(human_bytes(uint64_t{1} << 20), "1 MiB");
  EXPECT_EQ(human_bytes((uint64_t{1} << 20) + 1), "1.00 MiB");
}

TEST(Bytes, SumsDoNotWrap) {
  EXPECT_FALSE(checked_add(~uint64_t{0}, 1));
  EXPECT_FALSE(checked_mul(uint64_t{1} << 33, uint64_t{1} << 31));
  EXPECT_EQ(checked_mul(3, 4), 12u);
  EXPECT_EQ(align_up(65, 64), 128u);
}

}  // namespace
}  // namespace gantry
