// What is chosen where the user named no number is the most that fits, for every family and any memory: pages
// of windows make the sizes jump where a context outgrows them.
#include <filesystem>

#include <gtest/gtest.h>

#include "arch/tiny_families.h"
#include "base/error.h"
#include "base/pages.h"
#include "plan/planner.h"
#include "plan/round_sizer.h"
#include "tests/shared_data.h"

namespace gantry::plan {
namespace {

struct Case {
  std::string name;
  const arch::Blueprint& blueprint;
  Settings settings;
  bool reserved = false;  // the memory is all the model's
  device::DeviceFacts facts{"cpu:0", "test", device::DeviceKind::kCpu, "scalar", 1, 1u << 30, 1u << 30, 0};
  uint64_t budget = 1u << 30;
  RoundSizer sizer = {};

  Machine machine() const { return machine_of({facts, {budget, reserved}, &sizer}); }
};

void expect_the_most(const Case& c, const MemoryPlan& plan) {
  const Machine machine = c.machine();
  const Planner planner(c.blueprint, c.settings, machine);
  const Limits& limits = plan.limits;
  EXPECT_LE(plan.devices[0].bytes(), c.budget);
  EXPECT_TRUE(planner.may_have(limits.pages_max));
  const uint32_t whole = pages_for(c.blueprint.context_train);
  for (uint32_t pages = limits.pages_max + 1; pages <= whole; ++pages)
    EXPECT_FALSE(planner.may_have(pages)) << pages << " pages of context fit, it got " << limits.pages_max;
  const uint64_t all = uint64_t{limits.sequences} * limits.pages_max;
  if (limits.pages < all) {
    EXPECT_FALSE(planner.within_share(planner.limits(limits.context, limits.pages + 1)));
  }
  if (limits.pages > limits.pages_max) {
    EXPECT_TRUE(planner.within_share(limits));
  }
  if (!c.reserved || limits.context == c.blueprint.context_train) return;
  // Where all of the memory is the model's, the next longer context is refused.
  Settings longer = c.settings;
  longer.context = limits.context + 1;
  EXPECT_THROW(make_plan(c.blueprint, longer, machine), Error);
}

void expect_nothing_fits(const Case& c) {
  const Machine machine = c.machine();
  const Planner planner(c.blueprint, c.settings, machine);
  for (uint32_t pages = 1; pages <= pages_for(c.blueprint.context_train); ++pages)
    EXPECT_FALSE(planner.fits(planner.alone(pages))) << pages;
}

// From next to nothing to more than enough.
void try_many_memories(Case c) {
  const uint64_t whole = make_plan(c.blueprint, c.settings, c.machine()).devices[0].bytes();
  const Machine machine = c.machine();
  const Planner planner(c.blueprint, c.settings, machine);
  const uint64_t least = planner.count(planner.alone(1)).devices[0].bytes();
  for (const uint32_t percent : {0u, 3u, 10u, 25u, 45u, 70u, 100u, 250u}) {
    c.budget = least - 1 + (whole - least) * percent / 100;
    SCOPED_TRACE(c.name + ", budget " + std::to_string(c.budget));
    try {
      expect_the_most(c, make_plan(c.blueprint, c.settings, c.machine()));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kMemory) << error.what();
      expect_nothing_fits(c);
    }
  }
}

struct Asked {
  uint32_t step_rows, sequences;
};

void try_file(const std::string& name, const gguf::GgufFile& file, uint32_t context,
              const std::vector<Asked>& asked) {
  arch::Blueprint blueprint = arch::read_blueprint(file);
  blueprint.context_train = context;
  for (const auto& [step_rows, sequences] : asked) {
    Settings settings;
    settings.step_rows = step_rows;
    settings.sequences = sequences;
    for (const bool reserved : {false, true})
      try_many_memories({name + ", step " + std::to_string(step_rows), blueprint, settings, reserved});
  }
}

TEST(Fit, IsTheMostForEveryFamily) {
  for (const arch::TinyFile& tiny : arch::tiny_families()) {
    for (const uint32_t context : {512u, 3000u})
      try_file(tiny.name, *tiny.open(), context, {{0, 0}, {16, 0}, {16, 2}});
  }
}

TEST(Fit, IsTheMostForEveryReferenceModel) {
  GANTRY_NEED_SHARED("conformance/logits");
  for (const auto& entry : std::filesystem::directory_iterator(testing::shared_path("conformance/logits")))
    if (entry.path().extension() == ".gguf")
      try_file(entry.path().stem(), *gguf::GgufFile::open(entry.path().string()), 2500, {{16, 0}});
}

// A window of 40 and steps of 512 need 18 pages for each of eight sequences; a context of 16 pages needs
// those and no more.
TEST(Fit, AWindowIsNoReasonForAShortContext) {
  for (const arch::TinyFile& tiny : arch::tiny_families()) {
    const auto file = tiny.open();
    arch::Blueprint blueprint = arch::read_blueprint(*file);
    blueprint.context_train = 3000;
    Case c{tiny.name, blueprint, {}};
    const Machine machine = c.machine();
    const Planner planner(blueprint, c.settings, machine);
    c.budget = planner.count(planner.alone(16)).devices[0].bytes();
    EXPECT_GE(make_plan(blueprint, c.settings, c.machine()).limits.context, 512u) << tiny.name;
  }
}

}  // namespace
}  // namespace gantry::plan
