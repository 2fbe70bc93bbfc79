#include "base/fair_turns.h"

#include <set>
#include <utility>

#include <gtest/gtest.h>

namespace gantry {
namespace {

// What waits, in the order in which it begins: turns, and of equal ones the first to come.
class Line {
 public:
  explicit Line(FairTurns& turns) : turns_(turns) {}
  void add(uint64_t client, uint64_t cost) {
    waiting_.insert({{turns_.enter(client, cost), ++came_}, client});
  }
  uint64_t take() {
    const auto first = waiting_.begin();
    turns_.begun(first->first.first);
    const uint64_t client = first->second;
    waiting_.erase(first);
    return client;
  }

 private:
  FairTurns& turns_;
  std::set<std::pair<std::pair<uint64_t, uint64_t>, uint64_t>> waiting_;
  uint64_t came_ = 0;
};

TEST(FairTurnsTest, OneClientIsServedInItsOrder) {
  FairTurns turns(4);
  uint64_t last = turns.enter(1, 100);
  for (int i = 0; i < 20; ++i) {
    const uint64_t next = turns.enter(1, 1 + static_cast<uint64_t>(i) * 7);
    EXPECT_LT(last, next);
    last = next;
  }
}

TEST(FairTurnsTest, WhoComesLateWaitsForOneOfTheOthers) {
  FairTurns turns(4);
  Line line(turns);
  for (int i = 0; i < 100; ++i) line.add(1, 50);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(line.take(), 1u);
  line.add(2, 50);
  EXPECT_EQ(line.take(), 2u);  // it owes nothing; what has begun goes on
  line.add(2, 50);
  line.add(2, 50);
  uint64_t of_two = 0;
  for (int i = 0; i < 4; ++i) of_two += line.take() == 2 ? 1u : 0u;
  EXPECT_EQ(of_two, 2u);  // by turns, not all of one first
}

TEST(FairTurnsTest, SharesAreOfCostNotOfNumber) {
  FairTurns turns(4);
  Line line(turns);
  for (int i = 0; i < 100; ++i) {
    line.add(1, 10);
    line.add(2, 40);
  }
  int of_one = 0;
  for (int i = 0; i < 50; ++i) of_one += line.take() == 1 ? 1 : 0;
  EXPECT_NEAR(of_one, 40, 2);
}

TEST(FairTurnsTest, WhatWasNotUsedIsGivenBack) {
  FairTurns turns(4);
  turns.enter(1, 1000);
  turns.settle(1, 1000, 10);
  EXPECT_EQ(turns.enter(1, 1), 10u);
  turns.settle(1, 1, 500);
  EXPECT_EQ(turns.enter(1, 1), 510u);
  turns.settle(1, 1, 0);
  turns.settle(1, 500, 0);
  EXPECT_EQ(turns.enter(1, 1), 510u);  // its own order stays
  turns.settle(9, 1000, 0);            // never below nothing
  EXPECT_EQ(turns.enter(9, 1), 0u);
}

TEST(FairTurnsTest, OfTooManyClientsTheOneThatOwesLeastIsForgotten) {
  FairTurns turns(3);
  turns.enter(1, 1000);
  turns.enter(2, 5);
  turns.enter(3, 2000);
  turns.enter(4, 1);
  EXPECT_EQ(turns.enter(1, 1), 1000u);
  EXPECT_EQ(turns.enter(3, 1), 2000u);
  EXPECT_EQ(turns.enter(2, 1), 0u);
}

}  // namespace
}  // namespace gantry
