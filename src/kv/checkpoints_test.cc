#include "kv/checkpoints.h"

#include <vector>

#include <gtest/gtest.h>

namespace gantry::kv {
namespace {

TEST(Checkpoints, AreReservedAttachedAndFound) {
  Checkpoints checkpoints(8, 2, 5);
  EXPECT_EQ(checkpoints.at(3), kNoState);
  const StateId a = checkpoints.reserve(), b = checkpoints.reserve();
  EXPECT_EQ(checkpoints.reserve(), kNoState) << "what a step writes is nobody else's";
  checkpoints.attach(a, 3);
  checkpoints.give(b);
  checkpoints.check();
  EXPECT_EQ(checkpoints.at(3), a);
  EXPECT_EQ(checkpoints.attached(), 1u);
  std::vector<StateId> unused;
  checkpoints.list_unused(unused);
  EXPECT_EQ(unused, std::vector<StateId>{b});
  checkpoints.drop(3);
  checkpoints.drop(3);  // has none: nothing to do
  EXPECT_EQ(checkpoints.at(3), kNoState);
  checkpoints.check();
}

TEST(Checkpoints, TheLeastRecentlyUsedMakesRoom) {
  Checkpoints checkpoints(8, 3, 0);
  for (NameId name = 0; name < 3; ++name) checkpoints.attach(checkpoints.reserve(), name);
  const StateId second = checkpoints.at(1);
  checkpoints.touch(0);
  EXPECT_TRUE(checkpoints.was_taken_over(0));
  EXPECT_FALSE(checkpoints.was_taken_over(2));
  EXPECT_EQ(checkpoints.reserve(), second);
  EXPECT_EQ(checkpoints.at(1), kNoState);
  checkpoints.attach(second, 7);
  checkpoints.check();
  checkpoints.reserve();
  EXPECT_EQ(checkpoints.at(2), kNoState);
  EXPECT_NE(checkpoints.at(0), kNoState);
  checkpoints.check();
}

TEST(Checkpoints, OneMayBeWrittenAnew) {
  Checkpoints checkpoints(8, 2, 0);
  checkpoints.attach(checkpoints.reserve(), 4);
  const StateId state = checkpoints.at(4);
  EXPECT_EQ(checkpoints.reserve_from(4), state);
  EXPECT_EQ(checkpoints.at(4), kNoState);
  checkpoints.attach(state, 5);
  EXPECT_EQ(checkpoints.at(5), state);
  checkpoints.check();
}

TEST(Checkpoints, NoneIsAllowed) {
  Checkpoints checkpoints(8, 0, 4);
  EXPECT_EQ(checkpoints.reserve(), kNoState);
  EXPECT_EQ(checkpoints.at(2), kNoState);
  checkpoints.drop(2);
  checkpoints.check();
}

}  // namespace
}  // namespace gantry::kv
