#include "plan/recordings.h"

namespace gantry::plan {
namespace {

constexpr uint32_t kLayerCallsMax = 40;  // attention with all that there is, before experts with shared ones
constexpr uint32_t kOtherCallsMax = 16;  // embedding, output

}  // namespace

uint32_t step_calls_max(const arch::Blueprint& blueprint) {
  return static_cast<uint32_t>(kLayerCallsMax * blueprint.layers.size() + blueprint.ropes.size()) +
         kOtherCallsMax;
}

uint64_t recordings_bytes(const arch::Blueprint& blueprint, const device::Sizer& sizer) {
  return kRecordedStepsMax * sizer.recording_bytes(step_calls_max(blueprint));
}

}  // namespace gantry::plan
