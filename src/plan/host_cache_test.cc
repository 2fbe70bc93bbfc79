// The host's cache in a plan: of the device's shape, no more than was asked for, and counted where it lies.
#include "plan/host_cache.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "arch/tiny_families.h"
#include "plan/explain.h"
#include "plan/memory_plan.h"
#include "plan/round_sizer.h"
#include "plan/states.h"

namespace gantry::plan {
namespace {

struct Asked {
  device::DeviceKind kind = device::DeviceKind::kGpu;
  uint64_t times = 0;  // the device's own
};

MemoryPlan plan_of(const arch::Blueprint& blueprint, const Asked& asked) {
  static const RoundSizer sizer;
  const device::DeviceFacts facts{"x:0", "test", asked.kind, "scalar", 1, 1u << 30, 1u << 30, 0};
  const Machine machine =
      machine_of({facts, {uint64_t{1} << 33, true}, &sizer}, {1u << 30, {uint64_t{1} << 33}});
  Settings settings;
  settings.context = 400;
  settings.sequences = 4;
  settings.step_rows = 16;
  MemoryPlan plan = make_plan(blueprint, settings, machine);
  if (asked.times == 0) return plan;
  const DevicePlan& device = plan.devices[0];
  const uint64_t live = state_layout(blueprint).bytes * plan.limits.sequences;
  settings.host_cache_bytes =
      asked.times * (device.arena(ArenaKind::kKv).bytes + device.arena(ArenaKind::kStates).bytes - live);
  plan = make_plan(blueprint, settings, machine);
  EXPECT_LE(plan.devices[0].host_cache.bytes, settings.host_cache_bytes);
  return plan;
}

TEST(HostCache, HasTheDevicesShape) {
  for (const arch::TinyFile& tiny : arch::tiny_families()) {
    SCOPED_TRACE(tiny.name);
    const auto file = tiny.open();
    const arch::Blueprint blueprint = arch::read_blueprint(*file);
    const MemoryPlan without = plan_of(blueprint, {}), with = plan_of(blueprint, {.times = 3});
    EXPECT_EQ(without.limits.host, TierSizes{});
    const TierSizes& host = with.limits.host;
    EXPECT_EQ(host.pages, 3 * with.limits.pages);
    EXPECT_EQ(host.states, 3 * with.limits.checkpoints);
    ASSERT_EQ(host.window_pages.size(), with.limits.windows.size());
    for (size_t i = 0; i < host.window_pages.size(); ++i)
      EXPECT_EQ(host.window_pages[i], 3 * with.limits.windows[i].pages);
    const ArenaPlan& cache = with.devices[0].host_cache;
    EXPECT_EQ(cache.bytes, std::accumulate(cache.items.begin(), cache.items.end(), uint64_t{0},
                                           [](uint64_t sum, const Item& item) { return sum + item.bytes; }));
    EXPECT_EQ(with.devices[0].bytes(), without.devices[0].bytes()) << "the device's plan is the same";
    EXPECT_GT(with.host.bytes, without.host.bytes + cache.bytes) << "its records are counted too";
    const std::string words = explain(blueprint, with);
    EXPECT_NE(words.find("move to main memory"), std::string::npos) << words;
    EXPECT_EQ(explain(blueprint, without).find("move to main memory"), std::string::npos);
    EXPECT_EQ(to_json(blueprint, with)["limits"]["host"]["pages"], host.pages);
  }
}

// What the device computes in is the host's memory: it counts there, and is no good idea.
TEST(HostCache, OfADeviceThatIsTheHostCountsAsItsOwn) {
  const auto tiny = arch::tiny_families();
  const auto file = tiny[0].open();
  const arch::Blueprint blueprint = arch::read_blueprint(*file);
  const MemoryPlan without = plan_of(blueprint, {device::DeviceKind::kCpu}),
                   with = plan_of(blueprint, {device::DeviceKind::kCpu, 2});
  EXPECT_GT(with.devices[0].bytes(), without.devices[0].bytes() + with.devices[0].host_cache.bytes);
  EXPECT_EQ(with.notes.size(), without.notes.size() + 1);
}

TEST(HostCache, LessThanAPageIsNothing) {
  const auto tiny = arch::tiny_families();
  const auto file = tiny[0].open();
  const arch::Blueprint blueprint = arch::read_blueprint(*file);
  static const RoundSizer sizer;
  Limits limits;
  limits.context = 64;
  limits.pages = 10;
  const uint64_t page = page_bytes(blueprint, limits, sizer)[0];
  EXPECT_EQ(fit_host_cache(page - 1, blueprint, limits, sizer).pages, 0u);
  EXPECT_EQ(fit_host_cache(page, blueprint, limits, sizer).pages, 1u);
  EXPECT_EQ(fit_host_cache(25 * page + 1, blueprint, limits, sizer).pages, 25u);
  EXPECT_EQ(fit_host_cache(uint64_t{1} << 62, blueprint, limits, sizer).pages,
            std::min<uint64_t>((uint64_t{1} << 62) / page, kPagesMax));
}

}  // namespace
}  // namespace gantry::plan
