// Steps that the device has recorded, by what shapes them: the one that was not asked for for the longest
// time makes room for a new one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "device/recording.h"
#include "plan/recordings.h"
#include "plan/staging.h"

namespace gantry::model {

// Nothing is under way on the device while one is kept. One thread at a time.
class RecordedSteps {
 public:
  RecordedSteps() { steps_.reserve(plan::kRecordedStepsMax); }
  device::Recording* find(const plan::StepSizes& sizes);
  // Before a new one is made: there are never more than were planned.
  void make_room();
  device::Recording& keep(const plan::StepSizes& sizes, std::unique_ptr<device::Recording> recording);

 private:
  struct Step {
    plan::StepSizes sizes;
    std::unique_ptr<device::Recording> recording;
    uint64_t asked = 0;  // when
  };

  std::vector<Step> steps_;
  uint64_t now_ = 0;
};

}  // namespace gantry::model
