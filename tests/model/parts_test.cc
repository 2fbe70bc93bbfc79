// Parts of a model as models of their own: planned and loaded like any other, and together the whole.
#include <filesystem>
#include <numeric>

#include <gtest/gtest.h>

#include "arch/part.h"
#include "arch/tiny_families.h"
#include "base/error.h"
#include "model/loaded_model.h"
#include "model/transformer.h"
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
  const plan::MemoryPlan plan = plan_of(part, small());
  const auto loaded = model::LoadedModel::load(part, file, plan, *cpu());
  SCOPED_TRACE(name);
  testing::expect_taken(*loaded, plan.devices[0]);
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

// One stage at work: its own plan, memory and runner.
class Stage {
 public:
  Stage(arch::Blueprint blueprint, const gguf::GgufFile& file)
      : blueprint_(std::move(blueprint)),
        plan_(plan_of(blueprint_, settings())),
        loaded_(model::LoadedModel::load(blueprint_, file, plan_, *cpu())),
        runner_(model::make_transformer(blueprint_, *loaded_, *cpu())),
        pages_(plan_.limits.pages_max) {
    std::iota(pages_.begin(), pages_.end(), PageId{0});
  }

  // Rows of one sequence from position `first` on: tokens, or what the stage before gave. Logits of every row
  // from the last stage, rows for the next one from the others.
  std::vector<float> run(const std::vector<TokenId>& tokens, const std::vector<float>& rows, uint32_t first) {
    const size_t count = tokens.size();
    const std::vector<TokenId> none(count, kNoToken);
    std::vector<int32_t> positions(count), all(count);
    const std::vector<int32_t> sequences(count, 0);
    std::iota(positions.begin(), positions.end(), static_cast<int32_t>(first));
    std::iota(all.begin(), all.end(), 0);
    model::Batch batch;
    batch.tokens = blueprint_.takes_tokens() ? tokens : none;
    batch.positions = positions;
    batch.sequences = sequences;
    batch.page_tables = pages_;
    if (!blueprint_.takes_tokens()) batch.inputs = rows;
    (blueprint_.gives_logits() ? batch.logit_rows : batch.hidden_rows) = all;
    const model::Outputs outputs = runner_->step(batch);
    if (blueprint_.gives_logits()) return {outputs.logits.begin(), outputs.logits.end()};
    return {outputs.hidden.begin(), outputs.hidden.end()};
  }

 private:
  static plan::Settings settings() {
    plan::Settings settings = small();
    settings.sequences = 1;
    settings.checkpoints = 0;
    settings.logits_of_all_rows = settings.whole_windows = true;
    return settings;
  }

  const arch::Blueprint blueprint_;
  const plan::MemoryPlan plan_;
  const std::unique_ptr<model::LoadedModel> loaded_;
  const std::unique_ptr<model::Runner> runner_;
  std::vector<PageId> pages_;
};

// The logits of 21 positions, in steps of up to 8 rows, by so many stages one after the other.
std::vector<float> logits_by(const arch::Blueprint& whole, const gguf::GgufFile& file, uint32_t count) {
  const auto layers = static_cast<uint32_t>(whole.layers.size());
  std::vector<std::unique_ptr<Stage>> stages;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t first = layers * i / count;
    stages.push_back(
        std::make_unique<Stage>(arch::part(whole, {first, layers * (i + 1) / count - first}), file));
  }
  std::vector<float> logits;
  for (const auto& [from, end] : {std::pair{0u, 8u}, {8u, 13u}, {13u, 14u}, {14u, 21u}}) {
    std::vector<TokenId> tokens;
    for (uint32_t i = from; i < end; ++i) tokens.push_back(static_cast<TokenId>((i * 37 + 5) % whole.vocab));
    std::vector<float> rows;
    for (const auto& stage : stages) rows = stage->run(tokens, rows, from);
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
