#include "model/recorded_steps.h"

#include <algorithm>
#include <utility>

namespace gantry::model {

device::Recording* RecordedSteps::find(const plan::StepSizes& sizes) {
  const auto found = std::ranges::find(steps_, sizes, &Step::sizes);
  if (found == steps_.end()) return nullptr;
  found->asked = ++now_;
  return found->recording.get();
}

void RecordedSteps::make_room() {
  if (steps_.size() == plan::kRecordedStepsMax)
    steps_.erase(std::ranges::min_element(steps_, {}, &Step::asked));
}

device::Recording& RecordedSteps::keep(const plan::StepSizes& sizes,
                                       std::unique_ptr<device::Recording> recording) {
  make_room();
  steps_.push_back({sizes, std::move(recording), ++now_});
  return *steps_.back().recording;
}

}  // namespace gantry::model
