#include "engine/step_budget.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gantry::engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLimit{1000};

// A machine: milliseconds of a step, and of each row, pick and 1,024 positions seen.
struct Machine {
  double step = 0, row = 0, pick = 0, reach = 0;
  double noise = 0;  // of a step's time, at most
  uint64_t steps = 0;

  StepCost::Duration run(const StepWork& work) {
    const double exact =
        step + row * work.rows + pick * work.picks + reach * static_cast<double>(work.reach) / 1024;
    const double part = 1 + noise * (2 * uniform_at(7, steps++) - 1);
    return std::chrono::duration_cast<StepCost::Duration>(
        std::chrono::duration<double, std::milli>(exact * part));
  }
};

StepWork prompt_rows(uint32_t rows, uint64_t position = 0) {
  StepWork work;
  work.add(position, rows, 0);
  return work;
}
StepWork answers(uint32_t count, uint64_t position = 0) {
  StepWork work;
  for (uint32_t i = 0; i < count; ++i) work.add(position, 1, 1);
  return work;
}

// Rows of a prompt that the budget allows after so many steps of as many as it allowed, beside so many
// answers.
uint32_t settled(StepBudget& budget, Machine machine, uint32_t beside = 0, int steps = 60) {
  uint32_t rows = 0;
  for (int i = 0; i < steps; ++i) {
    const StepWork own = answers(beside);
    StepWork all = own;
    all.add(0, 1, 1);
    const StepRoom room = budget.room(own, all);
    const double left = room.seconds - budget.cost().of(own);
    const double each = budget.cost().of_row(0);
    rows = room.rows - beside;
    if (each > 0) rows = static_cast<uint32_t>(std::clamp(left / each, 1.0, static_cast<double>(rows)));
    StepWork work = own;
    work.add(0, rows, 0);
    budget.took(work, machine.run(work));
    if (beside > 0 && i % 8 == 0) budget.took(own, machine.run(own));
  }
  return rows;
}

TEST(StepCost, PartsAreToldApart) {
  Machine machine{.step = 30, .row = 5, .pick = 2, .reach = 1, .noise = 0.05};
  StepCost cost;
  EXPECT_FALSE(cost.known());
  EXPECT_EQ(cost.of(answers(8)), 0);
  for (uint32_t i = 0; i < 400; ++i) {
    StepWork work = answers(1 + i % 9, 100 * (i % 40));
    if (i % 3 != 0) work.add(64 * (i % 50), 1 + (i * 7) % 90, 0);
    cost.took(work, machine.run(work));
  }
  Machine exact = machine;
  exact.noise = 0;
  for (const StepWork& work : {answers(1), answers(8, 2000), prompt_rows(64), prompt_rows(16, 4000)}) {
    const double truth = std::chrono::duration<double>(exact.run(work)).count();
    EXPECT_NEAR(cost.of(work), truth, 0.12 * truth) << work.rows << " " << work.picks << " " << work.reach;
  }
}

// Hundreds of equal steps tell nothing of others, and take nothing away of what is known of them.
TEST(StepCost, ALongRunOfEqualStepsDrownsNothing) {
  Machine machine{.step = 30, .row = 5, .noise = 0.1};
  StepCost cost;
  for (int i = 0; i < 10; ++i) cost.took(answers(8), machine.run(answers(8)));
  StepWork mixed = answers(8);
  mixed.add(0, 14, 0);
  for (int i = 0; i < 400; ++i) cost.took(mixed, machine.run(mixed));
  EXPECT_NEAR(cost.of(answers(8)), 0.070, 0.012);
}

TEST(StepCost, OneHiccupIsForgotten) {
  Machine machine{.step = 30, .row = 5};
  StepCost cost;
  for (int i = 0; i < 20; ++i) cost.took(answers(8), machine.run(answers(8)));
  cost.took(answers(8), std::chrono::seconds(30));
  EXPECT_LT(cost.of(answers(8)), 0.14);
  for (int i = 0; i < 20; ++i) cost.took(answers(8), machine.run(answers(8)));
  EXPECT_NEAR(cost.of(answers(8)), 0.070, 0.005);
}

TEST(StepBudget, WithoutALimitItIsAllThereMayBe) {
  StepBudget budget(512, milliseconds(0));
  EXPECT_EQ(budget.room({}, {}).rows, 512u);
  budget.took(prompt_rows(512), std::chrono::hours(1));
  EXPECT_EQ(budget.room({}, {}).rows, 512u);
  EXPECT_TRUE(std::isinf(budget.room({}, {}).seconds));
}

TEST(StepBudget, AFastDeviceComesToTheMost) {
  StepBudget budget(512, kLimit);
  EXPECT_EQ(budget.room({}, {}).rows, StepBudget::kFirst);
  EXPECT_EQ(settled(budget, {.step = 10, .row = 1}), 512u);
}

TEST(StepBudget, ASlowOneStaysWithinTheTime) {
  StepBudget budget(512, kLimit);
  const uint32_t rows = settled(budget, {.row = 100});
  EXPECT_GE(rows, 8u);
  EXPECT_LE(rows, 12u);
  EXPECT_LE(settled(budget, {.row = 2000}, 0, 400), 2u);
}

TEST(StepBudget, ItGrowsAgainWhenTheDeviceIsFasterAgain) {
  StepBudget budget(512, kLimit);
  settled(budget, {.row = 500});
  EXPECT_EQ(settled(budget, {.step = 5, .row = 1}, 0, 300), 512u);
}

// Reading all weights takes longer than a step may: few rows would repeat it, many share it.
TEST(StepBudget, AFixedPartThatIsTooLongIsShared) {
  StepBudget budget(512, kLimit);
  for (const uint32_t rows : {1u, 4u})
    budget.took(prompt_rows(rows), Machine{.step = 1200, .row = 10}.run(prompt_rows(rows)));
  const uint32_t rows = settled(budget, {.step = 1200, .row = 10});
  EXPECT_GE(rows, 90u);
  EXPECT_LE(rows, 150u);
}

TEST(StepBudget, BesideAnswersAPromptTakesWhatIsLeft) {
  StepBudget chosen(512, kLimit);
  // 8 answers take 70 ms; with the prompt's own 75: twice that are 150, and 80 of them are 16 rows.
  const uint32_t rows = settled(chosen, {.step = 30, .row = 5, .noise = 0.05}, 8, 300);
  EXPECT_GE(rows, 13u);
  EXPECT_LE(rows, 20u);
  StepBudget told(512, kLimit, milliseconds(100));
  const uint32_t fewer = settled(told, {.step = 30, .row = 5, .noise = 0.05}, 8, 300);
  EXPECT_GE(fewer, 4u);
  EXPECT_LE(fewer, 8u);
}

TEST(StepBudget, StepsThatAreNotFullTellNothingOfLargerOnes) {
  StepBudget budget(512, kLimit);
  for (int i = 0; i < 20; ++i) budget.took(answers(1), milliseconds(1));
  EXPECT_LE(budget.room({}, {}).rows, StepBudget::kFirst);
  EXPECT_GE(budget.room({}, {}).rows, 1u);
}

}  // namespace
}  // namespace gantry::engine
