#include "fleet/budgets.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::fleet {
namespace {

std::string refusal_of(Budgets& budgets, const std::string& holder, const Shares& shares) {
  try {
    budgets.lend(holder, shares);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemory);
    return error.what();
  }
  return {};
}

TEST(Budgets, WhatIsLentIsNotLentAgainAndComesBack) {
  Budgets budgets;
  EXPECT_EQ(budgets.measure("gpu:0", 1000, 0), 1000u);
  {
    const Loan loan = budgets.lend("a", {{"gpu:0", 700}});
    EXPECT_EQ(loan.shares(), (Shares{{"gpu:0", 700}}));
    EXPECT_EQ(budgets.measure("gpu:0", 1000, 0), 300u);
    const Loan rest = budgets.lend("b", {{"gpu:0", 300}});
    EXPECT_NE(refusal_of(budgets, "c", {{"gpu:0", 1}}), "");
  }
  EXPECT_EQ(budgets.measure("gpu:0", 1000, 0), 1000u);
}

TEST(Budgets, ARefusalNamesTheHoldersAndTheBytes) {
  Budgets budgets;
  budgets.measure("gpu:0", 4096, 0);
  EXPECT_NE(refusal_of(budgets, "c", {{"gpu:0", 5000}}).find("no model holds any"), std::string::npos);
  const Loan a = budgets.lend("a", {{"gpu:0", 1024}});
  const Loan b = budgets.lend("b", {{"gpu:0", 2048}});
  const std::string words = refusal_of(budgets, "c", {{"gpu:0", 1025}});
  EXPECT_EQ(words.substr(0, 7), "gpu:0: ");
  EXPECT_NE(words.find("'c' needs 1.00 KiB, but 1 KiB are left; held by a 1 KiB, b 2 KiB"), std::string::npos)
      << words;
  EXPECT_EQ(budgets.holders("gpu:0"), "a 1 KiB, b 2 KiB");
  EXPECT_EQ(budgets.holders("gpu:1"), "");
}

TEST(Budgets, AllMemoriesOrNone) {
  Budgets budgets;
  budgets.measure("gpu:0", 100, 0);
  budgets.measure("main memory", 50, 0);
  EXPECT_NE(refusal_of(budgets, "a", {{"gpu:0", 100}, {"main memory", 51}}), "");
  // Shares of one memory count together.
  EXPECT_NE(refusal_of(budgets, "a", {{"main memory", 30}, {"gpu:0", 1}, {"main memory", 21}}), "");
  const Loan loan = budgets.lend("a", {{"gpu:0", 100}, {"main memory", 50}});
  EXPECT_EQ(budgets.measure("gpu:0", 100, 0), 0u);
}

// What the system calls free misses a model's bytes only once it has taken them.
TEST(Budgets, SettledBytesAreNotCountedTwice) {
  Budgets budgets;
  budgets.measure("cpu:0", 1000, 0);
  Loan loan = budgets.lend("a", {{"cpu:0", 400}});
  EXPECT_EQ(budgets.measure("cpu:0", 1000, 0), 600u);
  loan.settle();
  EXPECT_EQ(budgets.measure("cpu:0", 600, 0), 600u);
  // Others took memory meanwhile: there is less to lend.
  EXPECT_EQ(budgets.measure("cpu:0", 250, 0), 250u);
  loan = {};
  EXPECT_EQ(budgets.measure("cpu:0", 650, 0), 650u);
}

TEST(Budgets, TheCapBoundsAllLoansTogether) {
  Budgets budgets;
  EXPECT_EQ(budgets.measure("cpu:0", 1000, 500), 500u);
  Loan loan = budgets.lend("a", {{"cpu:0", 300}});
  loan.settle();
  EXPECT_EQ(budgets.measure("cpu:0", 700, 500), 200u);
  EXPECT_EQ(budgets.total("cpu:0"), 500u);
  EXPECT_NE(refusal_of(budgets, "b", {{"cpu:0", 201}}), "");
  const Loan rest = budgets.lend("b", {{"cpu:0", 200}});
}

TEST(Budgets, ALoanMayOutliveItsBudgets) {
  Loan loan;
  {
    Budgets budgets;
    budgets.measure("cpu:0", 10, 0);
    loan = budgets.lend("a", {{"cpu:0", 10}});
  }
  loan.settle();
  loan = {};
}

TEST(Budgets, ThreadsNeverHoldMoreThanThereIs) {
  Budgets budgets;
  constexpr uint64_t kAll = 100, kEach = 30;
  budgets.measure("gpu:0", kAll, 0);
  std::atomic<uint64_t> held = 0, lent = 0;
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        try {
          const Loan loan = budgets.lend("a", {{"gpu:0", kEach}});
          if ((held += kEach) > kAll) over = true;
          ++lent;
          held -= kEach;
        } catch (const Error&) {
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);
  EXPECT_GT(lent, 0u);
  EXPECT_EQ(budgets.measure("gpu:0", kAll, 0), kAll);
}

}  // namespace
}  // namespace gantry::fleet
