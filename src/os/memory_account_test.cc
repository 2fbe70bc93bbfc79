#include "os/memory_account.h"

#include <new>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::os {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

class MemoryAccountTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!counts_allocations()) GTEST_SKIP() << "a sanitizer's own operator new is at work";
  }
  const std::shared_ptr<MemoryPool> pool_ = std::make_shared<MemoryPool>(8 * kMiB);
};

TEST_F(MemoryAccountTest, CountsWhatTheThreadAllocatesMeanwhile) {
  const auto account = MemoryAccount::create(pool_, 4 * kMiB);
  {
    const AccountScope scope(account);
    const std::vector<char> bytes(kMiB);
    EXPECT_GE(account->taken(), kMiB);
    EXPECT_LT(account->taken(), kMiB + 100);
    EXPECT_GE(pool_->taken(), kMiB);
    const AccountScope nobody(nullptr);
    const std::vector<char> uncounted(kMiB);
    EXPECT_LT(account->taken(), kMiB + 100);
  }
  EXPECT_EQ(account->taken(), 0u);
  EXPECT_GE(account->peak(), kMiB);
}

TEST_F(MemoryAccountTest, AlignedMemoryIsCountedAndAligned) {
  struct alignas(256) Wide {
    char bytes[512];
  };
  const auto account = MemoryAccount::create(pool_, 4 * kMiB);
  const AccountScope scope(account);
  for (int i = 0; i < 20; ++i) {
    const auto wide = std::make_unique<Wide>();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(wide.get()) % 256, 0u);
    EXPECT_GE(account->taken(), 512u);
  }
  EXPECT_EQ(account->taken(), 0u);
}

TEST_F(MemoryAccountTest, BeyondItsLimitThereIsNone) {
  const auto account = MemoryAccount::create(pool_, kMiB);
  const AccountScope scope(account);
  EXPECT_THROW(std::vector<char>(2 * kMiB), std::bad_alloc);
  EXPECT_EQ(account->shortage(), Shortage::kAccount);
  EXPECT_EQ(account->taken(), 0u);
  EXPECT_NO_THROW(std::vector<char>(kMiB / 2));
}

TEST_F(MemoryAccountTest, AllTogetherHaveALimit) {
  const auto one = MemoryAccount::create(pool_, 100 * kMiB), two = MemoryAccount::create(pool_, 100 * kMiB);
  std::vector<char> first;
  {
    const AccountScope scope(one);
    first.resize(6 * kMiB);
  }
  {
    const AccountScope scope(two);
    EXPECT_THROW(std::vector<char>(4 * kMiB), std::bad_alloc);
    EXPECT_EQ(two->shortage(), Shortage::kPool);
    std::vector<char>().swap(first);
    EXPECT_NO_THROW(std::vector<char>(4 * kMiB));
  }
  EXPECT_LE(pool_->peak(), pool_->limit());
}

TEST_F(MemoryAccountTest, WhatIsSetAsideNobodyElseTakes) {
  const auto one = MemoryAccount::create(pool_, 100 * kMiB), two = MemoryAccount::create(pool_, 100 * kMiB);
  ASSERT_TRUE(one->set_aside(6 * kMiB));
  EXPECT_FALSE(two->set_aside(4 * kMiB));
  EXPECT_EQ(two->shortage(), Shortage::kPool);
  {
    const AccountScope scope(one);
    for (int i = 0; i < 3; ++i) EXPECT_NO_THROW(std::vector<char>(5 * kMiB));
  }
  EXPECT_FALSE(two->set_aside(4 * kMiB));
  ASSERT_TRUE(one->set_aside(0));
  {
    const AccountScope scope(one);
    const std::vector<char> little(10);
  }
  EXPECT_TRUE(two->set_aside(4 * kMiB));
}

// The bytes are the account's wherever they are released, and keep it alive.
TEST_F(MemoryAccountTest, MemoryMayOutliveTheRequest) {
  std::string text;
  {
    const auto account = MemoryAccount::create(pool_, 4 * kMiB);
    const AccountScope scope(account);
    text.assign(kMiB, 'x');
  }
  EXPECT_GE(pool_->taken(), kMiB);
  std::thread([&] { std::string().swap(text); }).join();
  EXPECT_EQ(pool_->taken(), 0u);
}

TEST_F(MemoryAccountTest, TheNthAllocationFails) {
  const auto account = MemoryAccount::create(pool_, 4 * kMiB);
  const AccountScope scope(account);
  account->fail_at(3);
  std::vector<std::unique_ptr<int>> kept;
  kept.reserve(8);
  kept.push_back(std::make_unique<int>(1));
  EXPECT_THROW(kept.push_back(std::make_unique<int>(2)), std::bad_alloc);
  EXPECT_TRUE(account->has_failed());
  EXPECT_NO_THROW(kept.push_back(std::make_unique<int>(3)));
}

TEST_F(MemoryAccountTest, ManyThreadsComeOutEven) {
  const auto account = MemoryAccount::create(pool_, 8 * kMiB);
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const AccountScope scope(account);
      std::vector<std::string> texts(64);
      for (uint32_t i = 0; i < 20'000; ++i) try {
          texts[(i * 7 + t) % 64] = std::string(1 + (i * 97) % 60'000, 'x');
        } catch (const std::bad_alloc&) {
        }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(account->taken(), 0u);
  EXPECT_LE(account->peak(), account->limit());
}

}  // namespace
}  // namespace gantry::os
