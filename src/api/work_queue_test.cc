#include "api/work_queue.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::api {
namespace {

TEST(WorkQueue, WhatIsQueuedIsDoneBeforeItEnds) {
  std::atomic<int> done{0};
  {
    WorkQueue queue(2, 100);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(queue.try_post([&done] { ++done; }));
  }
  EXPECT_EQ(done.load(), 100);
}

TEST(WorkQueue, FullOrClosedMeansNoAtOnce) {
  std::atomic<bool> go_on{false};
  WorkQueue queue(1, 1);
  const auto wait = [&go_on] { go_on.wait(false); };
  int taken = 0;
  while (queue.try_post(wait)) ++taken;  // one at work, if it was quick, and one that waits
  EXPECT_GE(taken, 1);
  EXPECT_LE(taken, 2);
  go_on.store(true);
  go_on.notify_all();
  queue.close();
  EXPECT_FALSE(queue.try_post([] {}));
}

// A server that is told to stop may be destroyed by another thread meanwhile: both must find the work done.
TEST(WorkQueue, EveryoneWhoClosesItWaitsForTheWork) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> done{0};
    WorkQueue queue(3, 8);
    for (int i = 0; i < 4; ++i)
      EXPECT_TRUE(queue.try_post([&done] {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ++done;
      }));
    std::vector<std::thread> closers;
    for (int i = 0; i < 3; ++i)
      closers.emplace_back([&] {
        queue.close();
        EXPECT_EQ(done.load(), 4);
      });
    for (std::thread& closer : closers) closer.join();
  }
}

}  // namespace
}  // namespace gantry::api
