// Parts of a model as models of their own: planned and loaded like any other, and together the whole.
#include <filesystem>

#include <gtest/gtest.h>

#include "arch/part.h"
#include "arch/tiny_families.h"
#include "base/error.h"
#include "tests/model/fixture.h"
#include "tests/model/part_at_work.h"

namespace gantry {
namespace {

const std::shared_ptr<device::Device>& cpu() {
  static const std::shared_ptr<device::Device> device = testing::registry().open("cpu", {"", 1, 0});
  return device;
}

constexpr const char* kReferences = "conformance/logits";

// Both call function(name, file) for every model.
template <typename Function>
void for_each_tiny(const Function& function) {
  for (const arch::TinyFile& tiny : arch::tiny_families()) function(tiny.name, *tiny.open());
}
template <typename Function>
void for_each_reference(const Function& function) {
  int tried = 0;
  for (const auto& entry : std::filesystem::directory_iterator(testing::shared_path(kReferences))) {
    if (entry.path().extension() != ".gguf") continue;
    function(entry.path().stem().string(), *gguf::GgufFile::open(entry.path().string()));
    ++tried;
  }
  EXPECT_GT(tried, 10);
}

// The part's weights in bytes, after every arena was taken to the byte.
uint64_t load(const std::string& name, const arch::Blueprint& part, const gguf::GgufFile& file) {
  SCOPED_TRACE(name);
  const plan::MemoryPlan plan = testing::plan_of(part, testing::small_settings(), *cpu());
  testing::expect_taken(*model::LoadedModel::load(part, file, plan, *cpu()), plan.devices[0]);
  return plan.devices[0].arena(plan::ArenaKind::kWeights).bytes;
}

// Whether some of its layers can be shared out between two ranks.
bool can_be_shared(const arch::Blueprint& whole) {
  try {
    arch::part(whole, {0, 0, 0, {1, 1}});
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    return false;
  }
}

void expect_parts_load(const std::string& name, const gguf::GgufFile& file) {
  const arch::Blueprint whole = arch::read_blueprint(file);
  const uint64_t bytes = load(name, whole, file);
  const bool shared = can_be_shared(whole);
  for (uint32_t rank = 0; shared && rank < 2; ++rank) {
    const uint64_t shard = load(name, arch::part(whole, {0, 0, rank, {1, 1}}), file);
    EXPECT_LE(shard, bytes + bytes / 2) << name << ": a tied output is there beside its embedding";
  }
  const auto layers = static_cast<uint32_t>(whole.layers.size());
  for (uint32_t layer = 0; layer < layers; ++layer) {
    EXPECT_LT(load(name, arch::part(whole, {layer, 1}), file), bytes) << name;
    if (shared) load(name, arch::part(whole, {layer, 1, 1, {1, 1}}), file);
  }
}

TEST(PartsOfTinyModels, ArePlannedAndLoadedLikeAnyModel) { for_each_tiny(expect_parts_load); }

TEST(PartsOfReferenceModels, ArePlannedAndLoadedLikeAnyModel) {
  GANTRY_NEED_SHARED(kReferences);
  for_each_reference(expect_parts_load);
}

// The logits of 21 positions, in steps of up to 8 rows, by so many stages one after the other.
std::vector<float> logits_by(const arch::Blueprint& whole, const gguf::GgufFile& file, uint32_t count) {
  const auto layers = static_cast<uint32_t>(whole.layers.size());
  std::vector<std::unique_ptr<testing::PartAtWork>> stages;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t first = layers * i / count;
    stages.push_back(std::make_unique<testing::PartAtWork>(
        arch::part(whole, {first, layers * (i + 1) / count - first}), file, *cpu()));
  }
  std::vector<float> logits;
  for (const auto& [from, end] : {std::pair{0u, 8u}, {8u, 13u}, {13u, 14u}, {14u, 21u}}) {
    std::vector<float> rows;
    for (const auto& stage : stages) {
      stage->launch({{0, from, end}}, rows);
      rows = stage->land();
    }
    logits.insert(logits.end(), rows.begin(), rows.end());
  }
  return logits;
}

void expect_stages_give_the_whole(const std::string& name, const gguf::GgufFile& file) {
  const arch::Blueprint whole = arch::read_blueprint(file);
  const std::vector<float> want = logits_by(whole, file, 1);
  ASSERT_EQ(want.size(), size_t{21} * whole.vocab) << name;
  for (const uint32_t stages : {2u, 3u}) {
    if (stages > whole.layers.size()) continue;
    EXPECT_TRUE(testing::same_bits(logits_by(whole, file, stages), want))
        << name << ", " << stages << " stages";
  }
}

TEST(PartsOfTinyModels, InARowGiveTheBitsOfTheWhole) { for_each_tiny(expect_stages_give_the_whole); }

TEST(PartsOfReferenceModels, InARowGiveTheBitsOfTheWhole) {
  GANTRY_NEED_SHARED(kReferences);
  for_each_reference(expect_stages_give_the_whole);
}

}  // namespace
}  // namespace gantry
