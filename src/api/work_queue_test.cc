#include "api/work_queue.h"

#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "tests/deadline.h"

namespace gantry::api {
namespace {

constexpr uint64_t kKiB = 1024;

// Work that goes on until it is let on.
struct Gate {
  std::atomic<bool> begun = false, open = false;
  WorkQueue::Work work() {
    return [this] {
      begun = true;
      testing::await([&] { return open.load(); }, "being let on");
    };
  }
  void await_begun() const {
    testing::await([&] { return begun.load(); }, "the work's begin");
  }
};

TEST(WorkQueue, WhoHasHadLittleIsNext) {
  std::string order;
  {
    Gate gate;
    WorkQueue queue(1, 100);
    ASSERT_TRUE(queue.try_post({1, kKiB}, gate.work()));
    gate.await_begun();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.try_post({1, 100 * kKiB}, [&] { order += 'a'; }));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.try_post({2, kKiB}, [&] { order += 'b'; }));
    ASSERT_TRUE(queue.try_post({3, 20 * kKiB}, [&] { order += 'c'; }));
    gate.open = true;
  }
  // b and c owe nothing; a's first work came when it had had one small piece.
  EXPECT_EQ(order, "bcabbaa");
}

TEST(WorkQueue, LargeWorkLeavesAThreadToSmallWork) {
  Gate first, second;
  std::atomic<bool> small = false;
  WorkQueue queue(2, 100);
  ASSERT_TRUE(queue.try_post({1, 1024 * kKiB}, first.work()));
  first.await_begun();
  ASSERT_TRUE(queue.try_post({2, 1024 * kKiB}, second.work()));
  ASSERT_TRUE(queue.try_post({3, kKiB}, [&] { small = true; }));
  testing::await([&] { return small.load(); }, "small work beside large work");
  EXPECT_FALSE(second.begun);
  first.open = true;
  second.await_begun();
  second.open = true;
}

TEST(WorkQueue, FullMeansNo) {
  Gate gate;
  WorkQueue queue(1, 2);
  ASSERT_TRUE(queue.try_post({1, 0}, gate.work()));
  gate.await_begun();
  EXPECT_TRUE(queue.try_post({1, 0}, [] {}));
  EXPECT_TRUE(queue.try_post({2, 0}, [] {}));
  EXPECT_FALSE(queue.try_post({3, 0}, [] {}));
  EXPECT_TRUE(queue.try_post(
      {3, 0}, [] {}, WorkQueue::Entry::kGoesOn))
      << "it was let in before";
  gate.open = true;
}

TEST(WorkQueue, WhatIsQueuedIsDoneAtTheEnd) {
  std::atomic<int> done = 0;
  {
    WorkQueue queue(3, 1000);
    for (uint64_t i = 0; i < 500; ++i)
      ASSERT_TRUE(queue.try_post({i % 7, i % 5 == 0 ? 1024 * kKiB : i}, [&] { ++done; }));
  }
  EXPECT_EQ(done, 500);
}

TEST(WorkQueue, AfterItsEndThereIsNone) {
  WorkQueue queue(1, 10);
  queue.close();
  EXPECT_FALSE(queue.try_post({}, [] {}));
}

}  // namespace
}  // namespace gantry::api
