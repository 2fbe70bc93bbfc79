// What a device takes for steps that it has recorded is planned for, to the byte.
#include "plan/recordings.h"

#include <gtest/gtest.h>

#include "arch/tiny_families.h"
#include "base/error.h"
#include "plan/explain.h"
#include "plan/memory_plan.h"
#include "plan/round_sizer.h"

namespace gantry::plan {
namespace {

class RecordingSizer final : public RoundSizer {
 public:
  uint64_t recording_bytes(uint32_t calls) const override { return uint64_t{100} * calls; }
};

TEST(Recordings, AreCountedToTheByte) {
  const arch::TinyFile tiny = std::move(arch::tiny_families()[0]);
  const auto file = tiny.open();
  const arch::Blueprint blueprint = arch::read_blueprint(*file);
  const RoundSizer without;
  const RecordingSizer with;
  Settings settings;
  settings.context = 64;
  settings.sequences = 2;
  const auto planned = [&](const device::Sizer& sizer, uint64_t budget) {
    MachineDevice device;
    device.facts.id = "cpu:0";
    device.budget = {budget, true};
    device.sizer = &sizer;
    return make_plan(blueprint, settings, machine_of(device));
  };
  const uint64_t recordings = kRecordedStepsMax * uint64_t{100} * step_calls_max(blueprint);
  const uint64_t need = planned(without, 1u << 30).devices[0].bytes() + recordings;
  const MemoryPlan plan = planned(with, need);
  EXPECT_EQ(plan.devices[0].bytes(), need);
  EXPECT_NE(explain(blueprint, plan).find("recordings"), std::string::npos);
  EXPECT_EQ(explain(blueprint, planned(without, need)).find("recordings"), std::string::npos);
  try {
    planned(with, need - 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("recorded batches"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace gantry::plan
