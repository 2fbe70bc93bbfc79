// Several models on one device: it is opened once, and its memory is lent to the byte.
#include <optional>

#include <gtest/gtest.h>

#include "fleet/device_pool.h"
#include "fleet/opened_model.h"
#include "fleet/probe.h"
#include "tests/model/fixture.h"

namespace gantry {
namespace {

fleet::LoadSettings box(const std::string& alias, uint64_t memory_cap_bytes = 0) {
  fleet::LoadSettings settings;
  settings.model_path = GANTRY_SOURCE_DIR "/models/gantry-box.gguf";
  settings.alias = alias;
  settings.context = 64;
  settings.sequences = 1;
  settings.threads = 1;
  settings.memory_cap_bytes = memory_cap_bytes;
  return settings;
}

TEST(DevicePool, OpensADeviceOnce) {
  const fleet::DevicePool pool(testing::registry());
  const auto a = fleet::open_model(pool, box("a")), b = fleet::open_model(pool, box("b"));
  EXPECT_EQ(a.device, b.device);
  fleet::LoadSettings other = box("c");
  other.device = "cpu:0";
  EXPECT_EQ(fleet::open_model(pool, other).device, a.device);
  other.isa = "scalar";
  try {
    fleet::open_model(pool, other);
    FAIL() << "one device with two instruction sets";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_EQ(error.where(), "cpu:0");
  }
  other.device = "cpu:7";
  EXPECT_THROW(fleet::open_model(pool, other), Error);
}

// The bytes of two models that take what their settings say.
uint64_t need_of_two() {
  const plan::DevicePlan one = fleet::open_model(testing::registry(), box("one")).plan.devices[0];
  return 2 * one.bytes() - one.overhead_bytes;  // the device's own are there once
}

TEST(DevicePool, TwoModelsFitExactly) {
  const uint64_t cap = need_of_two();
  const fleet::DevicePool pool(testing::registry());
  const auto a = fleet::load_model(pool, box("a", cap));
  const auto b = fleet::load_model(pool, box("b", cap));
  EXPECT_EQ(b->card().id, "b");
}

TEST(DevicePool, OneByteLessIsRefusedAndNamesWhoHoldsTheRest) {
  const uint64_t cap = need_of_two() - 1;
  const fleet::DevicePool pool(testing::registry());
  std::shared_ptr<fleet::LiveModel> a = fleet::load_model(pool, box("a", cap));
  try {
    fleet::load_model(pool, box("b", cap));
    FAIL() << "one byte less was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemory);
    EXPECT_NE(error.message().find("1 B short"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("held by a "), std::string::npos) << error.message();
  }
  a.reset();
  EXPECT_EQ(fleet::load_model(pool, box("b", cap))->card().id, "b");
}

// Plans are free; of two that count on the same bytes one gets them.
TEST(DevicePool, APlanHoldsNothingUntilItIsLent) {
  const uint64_t cap = need_of_two() - 1;
  const fleet::DevicePool pool(testing::registry());
  const auto a = fleet::open_model(pool, box("a", cap)), b = fleet::open_model(pool, box("b", cap));
  std::optional<fleet::Loan> loan = pool.lend("a", a.plan);
  EXPECT_THROW(pool.lend("b", b.plan), Error);
  loan.reset();
  EXPECT_NO_THROW(pool.lend("b", b.plan));
}

TEST(DevicePool, AProbeHoldsItsBytesToo) {
  fleet::LoadSettings alone = box("a");
  alone.checkpoints = 0;
  const plan::DevicePlan one = fleet::open_model(testing::registry(), box("one")).plan.devices[0];
  const plan::DevicePlan probes = fleet::open_model(testing::registry(), alone, true).plan.devices[0];
  const uint64_t cap = one.bytes() + probes.bytes() - one.overhead_bytes - 1;
  const fleet::DevicePool pool(testing::registry());
  auto probe = fleet::Probe::open(pool, box("a", cap));
  EXPECT_THROW(fleet::load_model(pool, box("b", cap)), Error);
  probe.reset();
  EXPECT_NO_THROW(fleet::load_model(pool, box("b", cap)));
}

}  // namespace
}  // namespace gantry
