// Contract M2: what is taken equals the plan to the byte; a device of exactly that size loads, one byte less
// is refused before any weight is read.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

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

TEST_F(Memory, PlannedIsTaken) {
  for (const char* kv_type : {"f32", "f16", "q8_0"}) {
    for (const uint32_t step_rows : {0u, 5u, 64u}) {
      fleet::LoadSettings s = settings();
      s.kv_type = kv_type;
      s.step_rows = step_rows;
      const fleet::OpenedModel opened = fleet::open_model(testing::registry(), s);
      const auto loaded =
          model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
      const plan::DevicePlan& device = opened.plan.devices[0];
      ASSERT_EQ(loaded->arenas().size(), device.arenas.size());
      uint64_t taken = device.overhead_bytes + device.host_bytes;
      for (size_t i = 0; i < device.arenas.size(); ++i) {
        EXPECT_EQ(loaded->arenas()[i]->taken(), device.arenas[i].bytes) << name_of(device.arenas[i].kind);
        EXPECT_TRUE(loaded->arenas()[i]->sealed());
        taken += loaded->arenas()[i]->bytes();
      }
      EXPECT_EQ(taken, device.bytes());
    }
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
    EXPECT_NE(error.message().find("1 bytes short"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find(std::to_string(need)), std::string::npos) << error.message();
    EXPECT_NE(error.mend().find("--context"), std::string::npos) << error.mend();
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
  const std::string mark = "--sequences 1 --context ";
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
