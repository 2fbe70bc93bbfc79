#include "os/thread_pool.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::os {
namespace {

TEST(ThreadPool, DoesEveryTaskOnce) {
  for (const uint32_t threads : {1u, 2u, 3u, 8u}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const uint32_t count : {0u, 1u, 2u, 7u, 1000u}) {
      std::vector<std::atomic<int>> times(count);
      std::atomic<bool> strange_worker = false;
      pool.parallel_for(count, [&](uint32_t i, uint32_t worker) {
        times[i].fetch_add(1);
        if (worker >= threads) strange_worker = true;
      });
      for (const auto& n : times) EXPECT_EQ(n.load(), 1);
      EXPECT_FALSE(strange_worker);
    }
  }
}

TEST(ThreadPool, ManyShortJobsInARow) {
  ThreadPool pool(4);
  std::vector<uint64_t> values(16);
  for (uint64_t round = 0; round < 20000; ++round)
    pool.parallel_for(16, [&](uint32_t i, uint32_t) { values[i] += round; });
  for (const uint64_t value : values) EXPECT_EQ(value, 20000ull * 19999 / 2);
}

TEST(ThreadPool, NoTwoTasksShareAWorkerAtOnce) {
  ThreadPool pool(3);
  std::atomic<int> inside[3] = {};
  std::atomic<bool> shared = false;
  for (int round = 0; round < 200; ++round) {
    pool.parallel_for(64, [&](uint32_t, uint32_t worker) {
      if (inside[worker].fetch_add(1) != 0) shared = true;
      inside[worker].fetch_sub(1);
    });
  }
  EXPECT_FALSE(shared);
}

TEST(ThreadPool, SeveralCallersTakeTurns) {
  ThreadPool pool(3);
  std::atomic<uint64_t> sum = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 500; ++round)
        pool.parallel_for(10, [&](uint32_t i, uint32_t) { sum.fetch_add(i); });
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 4u * 500 * 45);
}

}  // namespace
}  // namespace gantry::os
