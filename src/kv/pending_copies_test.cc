#include "kv/pending_copies.h"

#include <gtest/gtest.h>

namespace gantry::kv {
namespace {

constexpr Kept kPage = Kept::kPage;

TEST(PendingCopies, AreTheNextStepsInTheirOrder) {
  PendingCopies copies(3);
  copies.add(kPage, 0, 1, 2);
  copies.add(Kept::kState, 0, 1, 2);
  copies.add(Kept::kWindowPage, 1, 1, 2);
  EXPECT_FALSE(copies.has_room(1));
  EXPECT_TRUE(copies.of_step().empty());
  copies.begin_step();
  ASSERT_EQ(copies.of_step().size(), 3u);
  EXPECT_EQ(copies.of_step()[0], (Copy{kPage, 0, {Tier::kDevice, 1}, {Tier::kDevice, 2}}));
  EXPECT_EQ(copies.of_step()[1], state_copy(1, 2));
  EXPECT_EQ(copies.of_step()[2].pool, 1u);
  EXPECT_TRUE(copies.has_room(3));
  copies.begin_step();
  EXPECT_TRUE(copies.of_step().empty());
}

TEST(PendingCopies, ACancelledOneIsNotMade) {
  PendingCopies copies(4);
  copies.add(kPage, 0, 1, 2);
  EXPECT_TRUE(copies.reads(kPage, 0, on_device(1)));
  EXPECT_FALSE(copies.reads(kPage, 0, on_device(2)));
  EXPECT_FALSE(copies.reads(Kept::kWindowPage, 0, on_device(1)));
  copies.cancel(Kept::kWindowPage, 0, 2);  // another kind's page 2
  copies.cancel(kPage, 0, 1);              // nothing was to be copied there
  EXPECT_TRUE(copies.reads(kPage, 0, on_device(1)));
  copies.cancel(kPage, 0, 2);
  EXPECT_FALSE(copies.reads(kPage, 0, on_device(1)));
}

TEST(PendingCopies, WhatALaterOneReadsIsStillMade) {
  PendingCopies copies(4);
  copies.add(kPage, 0, 1, 2);
  copies.add(kPage, 0, 2, 3);
  copies.cancel(kPage, 0, 2);
  copies.add(kPage, 0, 4, 2);  // page 2 again, for somebody else
  copies.cancel(kPage, 0, 2);  // who gives it up as well
  copies.begin_step();
  ASSERT_EQ(copies.of_step().size(), 2u);
  EXPECT_EQ(copies.of_step()[0].from.index, 1u);
  EXPECT_EQ(copies.of_step()[1].from.index, 2u);
}

TEST(PendingCopies, MovesToOtherTiersHaveRoomOfTheirOwn) {
  PendingCopies copies(1, 2);
  copies.move(kPage, 0, on_device(3), on_host(3));
  copies.move(kPage, 0, on_host(5), on_device(3));
  EXPECT_TRUE(copies.has_room(1));
  EXPECT_TRUE(copies.reads(kPage, 0, on_host(5)));
  EXPECT_FALSE(copies.reads(kPage, 0, on_device(5)));
  copies.cancel(kPage, 0, 5);  // nothing comes to it
  copies.cancel(kPage, 0, 3);
  EXPECT_FALSE(copies.reads(kPage, 0, on_host(5)));
  copies.move(kPage, 0, on_host(6), on_device(3));
  copies.begin_step();
  EXPECT_EQ(copies.of_step().size(), 2u);
  copies.move(kPage, 0, on_device(1), on_host(3));
  copies.move(kPage, 0, on_device(2), on_host(4));
  EXPECT_TRUE(copies.has_room(1));
}

TEST(PendingCopiesDeathTest, RoomIsAskedForFirst) {
  PendingCopies copies(1);
  copies.add(kPage, 0, 1, 2);
  EXPECT_DEATH(copies.add(kPage, 0, 1, 3), "check failed");
}

}  // namespace
}  // namespace gantry::kv
