// Parts of a model as models of their own: planned and loaded like any other, and together the whole.
#include <filesystem>

#include <gtest/gtest.h>

#include "arch/part.h"
#include "arch/tiny_families.h"
#include "model/loaded_model.h"
#include "tests/model/fixture.h"

namespace gantry {
namespace {

const std::shared_ptr<device::Device>& cpu() {
  static const std::shared_ptr<device::Device> device = testing::registry().open("cpu", {"", 1, 0});
  return device;
}

plan::MemoryPlan plan_of(const arch::Blueprint& blueprint, const plan::Settings& settings) {
  const device::DeviceFacts& facts = cpu()->facts();
  return plan::make_plan(blueprint, settings,
                         plan::machine_of({facts, {facts.memory_free_bytes}, &cpu()->sizer()}));
}

plan::Settings small() {
  plan::Settings settings;
  settings.context = 64;
  settings.sequences = 2;
  settings.step_rows = 8;
  return settings;
}

// Calls function(name, file) for every tiny model, and for every reference model that is there.
template <typename Function>
void for_each_model(const Function& function) {
  for (const arch::TinyFile& tiny : arch::tiny_families()) function(tiny.name, *tiny.open());
  const std::string folder = testing::shared_path("conformance/logits");
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing))
    if (entry.path().extension() == ".gguf")
      function(entry.path().stem().string(), *gguf::GgufFile::open(entry.path().string()));
}

// The part's weights in bytes, after every arena was taken to the byte.
uint64_t load(const std::string& name, const arch::Blueprint& part, const gguf::GgufFile& file) {
  const plan::MemoryPlan plan = plan_of(part, small());
  const auto loaded = model::LoadedModel::load(part, file, plan, *cpu());
  for (size_t i = 0; i < loaded->arenas().size(); ++i)
    EXPECT_EQ(loaded->arenas()[i]->taken(), plan.devices[0].arenas[i].bytes) << name;
  return plan.devices[0].arena(plan::ArenaKind::kWeights).bytes;
}

TEST(Parts, ArePlannedAndLoadedLikeAnyModel) {
  for_each_model([](const std::string& name, const gguf::GgufFile& file) {
    const arch::Blueprint whole = arch::read_blueprint(file);
    const uint64_t bytes = load(name, whole, file);
    for (uint32_t rank = 0; rank < 2; ++rank) {
      const uint64_t shard = load(name, arch::part(whole, {0, 0, rank, {1, 1}}), file);
      EXPECT_LE(shard, bytes + bytes / 2) << name << ": a tied output is there beside its embedding";
    }
    const auto layers = static_cast<uint32_t>(whole.layers.size());
    for (uint32_t layer = 0; layer < layers; ++layer) {
      const arch::Blueprint stage = arch::part(whole, {layer, 1});
      EXPECT_LT(load(name, stage, file), bytes) << name;
      load(name, arch::part(stage, {0, 0, 1, {1, 1}}), file);
    }
  });
}

}  // namespace
}  // namespace gantry
