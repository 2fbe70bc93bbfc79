#include "completion/workers.h"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "tests/deadline.h"

namespace gantry::completion {
namespace {

class Call final : public Workers::Task {
 public:
  explicit Call(std::function<bool()> work) : work_(std::move(work)) {}
  bool run() override { return work_(); }

 private:
  std::function<bool()> work_;
};

TEST(Workers, RunsATaskOnOneThreadAtATimeAndMissesNothing) {
  std::atomic<int> mailbox = 0, taken = 0, inside = 0;
  Workers workers(4);  // ends before what its tasks use
  constexpr int kMany = 20'000;
  const auto task = std::make_shared<Call>([&] {
    EXPECT_EQ(++inside, 1);
    taken += mailbox.exchange(0);
    --inside;
    return false;
  });
  for (int i = 0; i < kMany; ++i) {
    ++mailbox;
    workers.schedule(task);
  }
  testing::await([&] { return taken >= kMany; }, "all that was put in");
}

TEST(Workers, GoesOnWhileThereIsMore) {
  std::promise<void> done;
  int left = 100;
  Workers workers(1);  // ends before what its tasks use
  workers.schedule(std::make_shared<Call>([&] {
    if (--left == 0) done.set_value();
    return left > 0;
  }));
  ASSERT_EQ(done.get_future().wait_for(testing::kDeadline), std::future_status::ready);
  EXPECT_EQ(left, 0);
}

TEST(Workers, ATaskMayStopItsOwnPool) {
  for (int round = 0; round < 200; ++round) {
    auto workers = std::make_shared<Workers>(2);
    // The thread outlives the pool here, so it holds the promise, too.
    const auto done = std::make_shared<std::promise<void>>();
    auto ready = done->get_future();
    Workers& pool = *workers;
    // The task has the last reference.
    auto task = std::make_shared<Call>([held = std::move(workers), done]() mutable {
      held.reset();
      done->set_value();
      return true;
    });
    pool.schedule(std::move(task));
    ASSERT_EQ(ready.wait_for(testing::kDeadline), std::future_status::ready);
  }
}

TEST(Workers, NothingRunsAfterStop) {
  Workers workers(2);
  workers.stop();
  bool ran = false;
  workers.schedule(std::make_shared<Call>([&] { return ran = true, false; }));
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace gantry::completion
