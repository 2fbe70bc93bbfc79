#include "base/bounded_queue.h"

#include <memory>
#include <thread>

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(BoundedQueue, RefusesAtItsLimitAndKeepsTheItem) {
  BoundedQueue<std::unique_ptr<int>> queue(2);
  EXPECT_TRUE(queue.try_push(std::make_unique<int>(1)));
  EXPECT_TRUE(queue.try_push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(queue.try_push(std::move(third)));
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(**queue.try_pop(), 1);
  EXPECT_TRUE(queue.try_push(std::move(third)));
}

TEST(BoundedQueue, CloseWakesTheWaitingAndDrains) {
  BoundedQueue<int> queue(4);
  queue.try_push(7);
  std::thread closer([&] { queue.close(); });
  EXPECT_EQ(queue.pop(), 7);
  EXPECT_EQ(queue.pop(), std::nullopt);
  closer.join();
  EXPECT_FALSE(queue.try_push(8));
}

}  // namespace
}  // namespace gantry
