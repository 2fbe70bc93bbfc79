#include "model/recorded_steps.h"

#include <gtest/gtest.h>

namespace gantry::model {
namespace {

class Counted final : public device::Recording {
 public:
  explicit Counted(uint32_t& alive) : alive_(alive) { ++alive_; }
  ~Counted() override { --alive_; }

 private:
  uint32_t& alive_;
};

TEST(RecordedSteps, TheOneNotAskedForForTheLongestTimeGoes) {
  uint32_t alive = 0;
  RecordedSteps steps;
  const auto keep = [&](uint32_t rows) {
    return &steps.keep({.rows = rows, .sequences = rows}, std::make_unique<Counted>(alive));
  };
  std::vector<const device::Recording*> kept;
  for (uint32_t i = 0; i < plan::kRecordedStepsMax; ++i) kept.push_back(keep(i));
  for (uint32_t i = 0; i < plan::kRecordedStepsMax; ++i)
    EXPECT_EQ(steps.find({.rows = i, .sequences = i}), kept[i]);
  EXPECT_EQ(steps.find({.rows = 1, .sequences = 2}), nullptr);
  EXPECT_EQ(steps.find({.rows = 0}), kept[0]);  // 1 is the oldest now
  const device::Recording* added = keep(1000);
  EXPECT_EQ(alive, plan::kRecordedStepsMax);
  EXPECT_EQ(steps.find({.rows = 1, .sequences = 1}), nullptr);
  EXPECT_EQ(steps.find({.rows = 0}), kept[0]);
  EXPECT_EQ(steps.find({.rows = 1000, .sequences = 1000}), added);
}

}  // namespace
}  // namespace gantry::model
