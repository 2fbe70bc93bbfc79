#include "os/wait_for_change.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace gantry::os {
namespace {

TEST(WaitForChange, ReturnsAtOnceWhereItHasChangedAlready) {
  const std::atomic<uint32_t> value{7};
  wait_for_change(value, 6, 0);
  wait_for_change(value, 6, 10);
}

// Two threads count in turns: whoever misses a change, awake or asleep, would wait for ever.
TEST(WaitForChange, NoChangeIsMissed) {
  for (const uint32_t spins : {0u, 3u, 1500u}) {
    constexpr uint32_t kTurns = 2000;
    std::atomic<uint32_t> value{0};
    uint32_t written = 0;  // before each change, and read after it
    std::thread other([&] {
      for (uint32_t turn = 0; turn < kTurns; ++turn) {
        wait_for_change(value, 2 * turn, spins);
        EXPECT_EQ(written, turn + 1);
        value.store(2 * turn + 2, std::memory_order_release);
        value.notify_one();
      }
    });
    for (uint32_t turn = 0; turn < kTurns; ++turn) {
      written = turn + 1;
      value.store(2 * turn + 1, std::memory_order_release);
      value.notify_one();
      wait_for_change(value, 2 * turn + 1, spins);
    }
    other.join();
  }
}

TEST(WaitForChange, SleepsUntilWoken) {
  std::atomic<uint32_t> value{0};
  std::thread other([&value] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    value.store(1);
    value.notify_all();
  });
  wait_for_change(value, 0, 5);
  EXPECT_EQ(value.load(), 1u);
  other.join();
}

}  // namespace
}  // namespace gantry::os
