#include "base/start_threads.h"

#include <atomic>
#include <memory>
#include <system_error>

#include <gtest/gtest.h>

#include "tests/deadline.h"

namespace gantry {
namespace {

// What a system does that runs out of threads: some start, the next does not.
class RunsOut {
 public:
  RunsOut(uint32_t copies, std::atomic<bool>& ended, std::atomic<uint32_t>& ran)
      : left_(std::make_shared<uint32_t>(copies)), ended_(&ended), ran_(&ran) {}
  RunsOut(RunsOut&&) = default;
  RunsOut(const RunsOut& other) : left_(other.left_), ended_(other.ended_), ran_(other.ran_) {
    if (*left_ == 0) throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    --*left_;
  }
  void operator()() const {
    testing::await([this] { return ended_->load(); }, "the end");
    ++*ran_;
  }

 private:
  std::shared_ptr<uint32_t> left_;
  std::atomic<bool>* ended_;
  std::atomic<uint32_t>* ran_;
};

TEST(StartThreads, AllOfThemOrNone) {
  for (const uint32_t copies : {0u, 1u, 3u, 4u}) {
    std::atomic<bool> ended = false;
    std::atomic<uint32_t> ran = 0;
    std::vector<std::thread> threads;
    const auto end = [&] {
      ended = true;
      ended.notify_all();
    };
    const RunsOut body(copies, ended, ran);
    if (copies < 4) {
      EXPECT_THROW(start_threads(threads, 4, body, end), std::system_error);
      EXPECT_TRUE(threads.empty());
    } else {
      start_threads(threads, 4, body, end);
      EXPECT_EQ(threads.size(), 4u);
      end();
      for (std::thread& thread : threads) thread.join();
    }
    EXPECT_EQ(ran, copies);
  }
}

}  // namespace
}  // namespace gantry
