// Contract M2: what is taken equals the plan to the byte; a device of exactly that size loads, one byte less
// is refused before any weight is read.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "arch/tiny_families.h"
#include "base/bytes.h"
#include "fleet/opened_model.h"
#include "model/loaded_model.h"
#include "tests/model/fixture.h"
#include "tools/stories/stories.h"

namespace gantry {
namespace {

class Memory : public ::testing::Test {
 protected:
  void SetUp() override {
    GANTRY_NEED_SHARED("conformance/weights/stories260K/stories260K.bin");
    path_ = (std::filesystem::temp_directory_path() /
             ("gantry_memory_test_" + std::to_string(::getpid()) + ".gguf"))
                .string();
    const auto bytes =
        tools::make_stories_gguf(testing::shared_path("conformance/weights/stories260K"), quant::Dtype::kF16);
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  void TearDown() override {
    if (!path_.empty()) std::filesystem::remove(path_);
  }
  fleet::LoadSettings settings() const {
    fleet::LoadSettings s;
    s.model_path = path_;
    s.context = 300;
    s.sequences = 3;
    return s;
  }
  std::string path_;
};

// And the arenas together are what the plan says of the device.
void expect_taken(const fleet::LoadSettings& settings) {
  const fleet::OpenedModel opened = fleet::open_model(testing::registry(), settings);
  const auto loaded = model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
  const plan::DevicePlan& device = opened.plan.devices[0];
  testing::expect_taken(*loaded, device);
  uint64_t taken = device.overhead_bytes + device.host_bytes;
  for (const auto& arena : loaded->arenas()) taken += arena->bytes();
  EXPECT_EQ(taken, device.bytes());
  EXPECT_EQ(loaded->host_arena().taken(), device.arena(plan::ArenaKind::kStaging).bytes);
  EXPECT_TRUE(loaded->host_arena().sealed());
}

// Who waits hears of both from the first byte to the last.
TEST_F(Memory, LoadingIsTold) {
  const fleet::OpenedModel opened = fleet::open_model(testing::registry(), settings());
  std::map<std::string, std::vector<std::pair<uint64_t, uint64_t>>, std::less<>> told;
  model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device,
                           [&](std::string_view stage, uint64_t done, uint64_t all) {
                             EXPECT_TRUE(stage == "weights" || told.count("weights") == 0)
                                 << "memory comes first";
                             told[std::string(stage)].emplace_back(done, all);
                           });
  ASSERT_EQ(told.size(), 2U);
  for (const auto& [stage, steps] : told) {
    EXPECT_EQ(steps.front().first, 0U) << stage;
    EXPECT_EQ(steps.back().first, steps.back().second) << stage;
    EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end())) << stage;
  }
}

TEST_F(Memory, PlannedIsTaken) {
  for (const char* kv_type : {"f32", "f16", "q8_0"}) {
    for (const uint32_t step_rows : {0u, 5u, 64u}) {
      fleet::LoadSettings s = settings();
      s.kv_type = kv_type;
      s.step_rows = step_rows;
      expect_taken(s);
    }
  }
}

// Beside the device: what the host's memory keeps for it, in an arena that is counted there.
TEST_F(Memory, TheHostsCacheIsTaken) {
  fleet::LoadSettings s = settings();
  const plan::MemoryPlan without = fleet::open_model(testing::registry(), s).plan;
  s.host_cache_bytes = 3 * without.devices[0].arena(plan::ArenaKind::kKv).bytes;
  const fleet::OpenedModel opened = fleet::open_model(testing::registry(), s);
  EXPECT_EQ(opened.plan.limits.host.pages, 3 * opened.plan.limits.pages);
  const uint64_t bytes = opened.plan.devices[0].host_cache.bytes;
  EXPECT_LE(bytes, s.host_cache_bytes);
  EXPECT_GE(bytes + bytes / 20, s.host_cache_bytes);
  EXPECT_GT(opened.plan.host.bytes, without.host.bytes + bytes) << "the records of its pages are counted too";
  const auto loaded = model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
  ASSERT_NE(loaded->host_cache(), nullptr);
  EXPECT_EQ(loaded->host_cache()->kind(), device::MemoryKind::kHost);
  EXPECT_EQ(loaded->host_cache()->taken(), bytes);
  EXPECT_TRUE(loaded->host_cache()->sealed());
  expect_taken(s);
}

// States of recurrent layers among it, whatever their number.
TEST(MemoryOfStates, PlannedIsTakenAndNotOneByteLess) {
  for (const char* name : {"mamba2", "lfm2", "qwen35"}) {
    const std::string path = "conformance/logits/" + std::string(name) + ".gguf";
    GANTRY_NEED_SHARED(path);
    fleet::LoadSettings settings;
    settings.model_path = testing::shared_path(path);
    settings.context = 100;
    settings.sequences = 3;
    for (const std::optional<uint32_t> checkpoints : {std::optional<uint32_t>{}, {0}, {7}}) {
      settings.checkpoints = checkpoints;
      expect_taken(settings);
      const plan::MemoryPlan plan = fleet::open_model(testing::registry(), settings).plan;
      EXPECT_EQ(plan.limits.checkpoints, checkpoints.value_or(12));
      const uint64_t states = plan.devices[0].arena(plan::ArenaKind::kStates).bytes;
      EXPECT_GT(states, 0u);
      EXPECT_EQ(states % (3 + plan.limits.checkpoints), 0u);
      fleet::LoadSettings capped = settings;
      capped.checkpoints = plan.limits.checkpoints;
      capped.memory_cap_bytes = plan.devices[0].bytes();
      EXPECT_EQ(fleet::open_model(testing::registry(), capped).plan.devices[0].bytes(),
                capped.memory_cap_bytes);
      capped.memory_cap_bytes -= 1;
      EXPECT_THROW(fleet::open_model(testing::registry(), capped), Error) << name;
    }
  }
}

// The same of every family that this version reads.
TEST(FamilyMemory, PlannedIsTaken) {
  GANTRY_NEED_SHARED("conformance/logits");
  int loaded_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(testing::shared_path("conformance/logits"))) {
    if (entry.path().extension() != ".gguf") continue;
    fleet::LoadSettings s;
    s.model_path = entry.path().string();
    s.sequences = 2;
    s.step_rows = 9;
    try {
      const fleet::OpenedModel opened = fleet::open_model(testing::registry(), s);
      const auto loaded =
          model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
      SCOPED_TRACE(entry.path());
      testing::expect_taken(*loaded, opened.plan.devices[0]);
      EXPECT_TRUE(opened.blueprint->unused_tensors.empty()) << entry.path();
      ++loaded_files;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.what();
    }
  }
  EXPECT_GE(loaded_files, 26);
}

// On both doors: `gantry plan` and /v1/models.
TEST(Parameters, AreCountedTheSameWhoeverAsks) {
  for (const arch::TinyFile& tiny : arch::tiny_families()) {
    fleet::LoadSettings settings;
    settings.model_path = tiny.name;
    settings.model_bytes = tiny.bytes;
    settings.threads = 1;
    settings.sequences = 1;
    settings.step_rows = 8;
    const auto planned = fleet::plan_json(testing::registry(), settings)["model"]["parameters"];
    EXPECT_EQ(fleet::load_model(testing::registry(), settings)->card().parameters, planned) << tiny.name;
  }
}

TEST_F(Memory, FitsExactlyAndNotOneByteLess) {
  fleet::LoadSettings s = settings();
  const uint64_t need = fleet::open_model(testing::registry(), s).plan.devices[0].bytes();
  s.memory_cap_bytes = need;
  EXPECT_EQ(fleet::open_model(testing::registry(), s).plan.devices[0].bytes(), need);
  s.memory_cap_bytes = need - 1;
  try {
    fleet::open_model(testing::registry(), s);
    FAIL() << "one byte less was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemory);
    EXPECT_NE(error.message().find("1 B short"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("needs " + human_bytes(need)), std::string::npos) << error.message();
    EXPECT_NE(error.mend().find("context="), std::string::npos) << error.mend();
  }
}

// The plan that a refusal proposes does fit.
TEST_F(Memory, TheNearestPlanFits) {
  fleet::LoadSettings s = settings();
  const uint64_t need = fleet::open_model(testing::registry(), s).plan.devices[0].bytes();
  s.memory_cap_bytes = need - 1;
  std::string mend;
  try {
    fleet::open_model(testing::registry(), s);
  } catch (const Error& error) {
    mend = error.mend();
  }
  const std::string mark = "sequences=1 context=";
  const size_t at = mend.find(mark);
  ASSERT_NE(at, std::string::npos) << mend;
  s.sequences = 1;
  s.context = static_cast<uint32_t>(std::stoul(mend.substr(at + mark.size())));
  EXPECT_LE(fleet::open_model(testing::registry(), s).plan.devices[0].bytes(), need - 1);
}

TEST_F(Memory, AContextNobodyAskedForGivesWay) {
  fleet::LoadSettings s = settings();
  s.context = 0;
  s.sequences = 0;
  const plan::MemoryPlan whole = fleet::open_model(testing::registry(), s).plan;
  EXPECT_EQ(whole.limits.context, 512u);
  EXPECT_EQ(whole.limits.pages, 8u * 16u);
  s.memory_cap_bytes = whole.devices[0].bytes() - whole.devices[0].arena(plan::ArenaKind::kKv).bytes / 2;
  const plan::MemoryPlan less = fleet::open_model(testing::registry(), s).plan;
  EXPECT_LT(less.limits.pages, whole.limits.pages);
  EXPECT_GE(less.limits.pages, less.limits.pages_max);
  EXPECT_LE(less.devices[0].bytes(), s.memory_cap_bytes);
  EXPECT_FALSE(less.notes.empty());
}

}  // namespace
}  // namespace gantry
