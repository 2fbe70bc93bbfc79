#include "device/buffer.h"

#include <gtest/gtest.h>

namespace gantry::device {
namespace {

TEST(ArenaDeathTest, TakesExactlyWhatWasPlannedThenIsSealed) {
  Arena arena("weights", 192, 64);
  EXPECT_EQ(take(arena, 65).offset, 0u);
  EXPECT_DEATH(arena.seal(), "128 vs 192");
  EXPECT_EQ(take(arena, 64).offset, 128u);
  EXPECT_DEATH(arena.take(1), "check failed");
  arena.seal();
  EXPECT_DEATH(arena.take(0), "sealed");
}

TEST(BufferDeathTest, PartsStayInside) {
  Arena arena("a", 128, 64);
  const Buffer buffer = take(arena, 100);
  EXPECT_EQ(buffer.part(90, 10).offset, 90u);
  EXPECT_DEATH(buffer.part(91, 10), "check failed");
  EXPECT_DEATH(buffer.part(~uint64_t{0}, 1), "check failed");
}

}  // namespace
}  // namespace gantry::device
