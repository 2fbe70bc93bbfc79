#include "kv/far_places.h"

#include <vector>

#include <gtest/gtest.h>

namespace gantry::kv {
namespace {

TEST(FarPlaces, BelongToNames) {
  FarPlaces places(10, 2);
  EXPECT_EQ(places.at(7), kNoPlace);
  const uint32_t a = places.take(7), b = places.take(3);
  EXPECT_NE(a, b);
  EXPECT_TRUE(places.full());
  EXPECT_EQ(places.at(7), a);
  places.check();
  places.give(7);
  places.give(7);  // has none: nothing to do
  EXPECT_EQ(places.at(7), kNoPlace);
  EXPECT_EQ(places.used(), 1u);
  std::vector<uint32_t> unused;
  places.list_unused(unused);
  EXPECT_EQ(unused, std::vector<uint32_t>{a});
  places.check();
}

TEST(FarPlaces, TheLeastRecentlyUsedMakesRoom) {
  FarPlaces places(10, 3);
  for (const NameId name : {1u, 2u, 3u}) places.take(name);
  places.touch(1);
  EXPECT_EQ(places.oldest(), 2u);
  EXPECT_EQ(places.next(2), 3u);
  EXPECT_EQ(places.next(1), kNoName);
  EXPECT_TRUE(places.make_room());
  EXPECT_EQ(places.at(2), kNoPlace);
  EXPECT_TRUE(places.make_room()) << "there is one";
  EXPECT_EQ(places.used(), 2u);
  places.check();
}

TEST(FarPlaces, WhatIsPinnedStays) {
  FarPlaces places(10, 2);
  places.take(1);
  places.take(2);
  places.pin(1);
  places.pin(2);
  EXPECT_EQ(places.oldest(), kNoName);
  EXPECT_FALSE(places.make_room());
  places.unpin(2);
  EXPECT_TRUE(places.make_room());
  EXPECT_EQ(places.at(2), kNoPlace);
  places.give(1);  // pinned or not
  places.check();
}

TEST(FarPlaces, NoneAtAll) {
  FarPlaces places(10, 0);
  EXPECT_EQ(places.at(3), kNoPlace);
  EXPECT_FALSE(places.make_room());
  places.give(3);
  places.check();
}

}  // namespace
}  // namespace gantry::kv
