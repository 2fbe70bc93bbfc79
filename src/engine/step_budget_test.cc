#include "engine/step_budget.h"

#include <gtest/gtest.h>

namespace gantry::engine {
namespace {

using std::chrono::milliseconds;

// Rows after so many full steps on a device that takes so long for a step and for each row.
uint32_t settled(StepBudget& budget, milliseconds of_a_step, milliseconds of_a_row) {
  for (int i = 0; i < 60; ++i) budget.took(budget.rows(), of_a_step + of_a_row * budget.rows());
  return budget.rows();
}

TEST(StepBudget, WithoutALimitItIsAllThereMayBe) {
  StepBudget budget(512, milliseconds(0));
  EXPECT_EQ(budget.rows(), 512u);
  budget.took(512, std::chrono::hours(1));
  EXPECT_EQ(budget.rows(), 512u);
}

TEST(StepBudget, AFastDeviceComesToTheMost) {
  StepBudget budget(512, milliseconds(1000));
  EXPECT_EQ(budget.rows(), StepBudget::kFirst);
  EXPECT_EQ(settled(budget, milliseconds(10), milliseconds(1)), 512u);
}

TEST(StepBudget, ASlowOneStaysWithinTheTime) {
  StepBudget budget(512, milliseconds(1000));
  const uint32_t rows = settled(budget, milliseconds(0), milliseconds(100));
  EXPECT_GE(rows, 8u);
  EXPECT_LE(rows, 12u);
  EXPECT_LE(settled(budget, milliseconds(0), milliseconds(2000)), 2u);
}

TEST(StepBudget, ItGrowsAgainWhenTheDeviceIsFasterAgain) {
  StepBudget budget(512, milliseconds(1000));
  settled(budget, milliseconds(0), milliseconds(500));
  EXPECT_EQ(settled(budget, milliseconds(5), milliseconds(1)), 512u);
}

// Reading all weights takes longer than a step may: few rows would repeat it, many share it.
TEST(StepBudget, AFixedPartThatIsTooLongIsShared) {
  StepBudget budget(512, milliseconds(1000));
  const uint32_t rows = settled(budget, milliseconds(1200), milliseconds(10));
  EXPECT_GE(rows, 100u);
  EXPECT_LE(rows, 140u);
}

// One step was held up by a neighbour.
TEST(StepBudget, OneHiccupIsForgotten) {
  StepBudget budget(512, milliseconds(1000));
  settled(budget, milliseconds(300), milliseconds(1));
  budget.took(budget.rows(), milliseconds(5000));
  EXPECT_GE(settled(budget, milliseconds(300), milliseconds(1)), 500u);
}

TEST(StepBudget, StepsThatAreNotFullTellNothingOfLargerOnes) {
  StepBudget budget(512, milliseconds(1000));
  for (int i = 0; i < 20; ++i) budget.took(1, milliseconds(1));
  EXPECT_LE(budget.rows(), StepBudget::kFirst);
  EXPECT_GE(budget.rows(), 1u);
}

}  // namespace
}  // namespace gantry::engine
