#include "model/step_thread.h"

#include <chrono>
#include <stdexcept>

#include <gtest/gtest.h>

namespace gantry::model {
namespace {

TEST(StepThread, WorksOnceForEachBegin) {
  int done = 0;  // written by the thread, read between wait() and begin()
  StepThread thread([&done] { ++done; });
  for (int n = 1; n <= 2000; ++n) {
    thread.begin();
    thread.wait();
    ASSERT_EQ(done, n);
    if (n % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // it falls asleep
  }
}

TEST(StepThread, WorksElsewhere) {
  std::thread::id where;
  StepThread thread([&where] { where = std::this_thread::get_id(); });
  thread.begin();
  thread.wait();
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST(StepThread, WhatIsThrownIsThrownToTheWaiter) {
  int n = 0;
  StepThread thread([&n] {
    if (++n == 2) throw std::runtime_error("broken");
  });
  thread.begin();
  thread.wait();
  thread.begin();
  EXPECT_THROW(thread.wait(), std::runtime_error);
  thread.begin();
  thread.wait();  // and once only
  EXPECT_EQ(n, 3);
}

TEST(StepThread, ItsEndWaitsForTheWork) {
  std::atomic<bool> done{false};
  {
    StepThread thread([&done] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      done.store(true);
    });
    thread.begin();
  }
  EXPECT_TRUE(done.load());
}

}  // namespace
}  // namespace gantry::model
