// What a plan says of recurrent states and of windows.
#include "plan/states.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/windows.h"
#include "plan/explain.h"
#include "plan/memory_plan.h"
#include "plan/round_sizer.h"
#include "plan/windows.h"

namespace gantry::plan {
namespace {

arch::SoftmaxAttention attention(uint32_t window) {
  arch::SoftmaxAttention a;
  a.heads = 4;
  a.kv_heads = 2;
  a.key_dim = a.value_dim = 16;
  a.window = window;
  return a;
}

arch::Mamba2 scan() {
  arch::Mamba2 m;
  m.heads = 4;
  m.head_dim = 32;
  m.groups = 2;
  m.state_dim = 16;
  m.taps = 4;
  return m;
}

// Every matrix is this one: what counts here are the layers' kinds.
struct Model {
  explicit Model(const std::vector<arch::Mixer>& mixers) {
    tensor.name = "some.weight";
    tensor.shape = {64, 100};
    tensor.dtype = quant::Dtype::kF32;
    tensor.bytes = 25600;
    blueprint.arch = blueprint.name = "test";
    blueprint.vocab = 100;
    blueprint.width = 64;
    blueprint.context_train = 1024;
    blueprint.embedding = arch::Matrix{&tensor, {quant::Dtype::kF32, 100, 64}};
    blueprint.output = arch::Linear{*blueprint.embedding, {}};
    for (arch::Mixer mixer : mixers) {
      std::visit([&](auto& kind) { fill(kind); }, mixer);
      arch::LayerSpec layer;
      layer.mixer = std::move(mixer);
      layer.ffn = arch::NoFfn{};
      blueprint.layers.push_back(std::move(layer));
    }
  }
  void fill(arch::SoftmaxAttention& a) { a.q = a.k = a.v = a.out = *blueprint.output; }
  void fill(arch::LatentAttention&) {}
  void fill(arch::ShortConv& c) {
    c.in = c.out = *blueprint.output;
    c.conv = vector();
  }
  void fill(arch::Mamba2& m) {
    m.in = m.out = *blueprint.output;
    m.conv = m.a = m.d = m.dt_bias = vector();
  }
  void fill(arch::GatedDelta& d) {
    d.qkv = d.gate = d.alpha = d.beta = d.out = *blueprint.output;
    d.conv = d.a = d.dt_bias = vector();
  }
  arch::Vector vector() const { return {&tensor, 64}; }

  MemoryPlan plan(const Settings& settings) const {
    return make_plan(blueprint, settings, machine_of({facts, {facts.memory_free_bytes}, &sizer}));
  }

  gguf::TensorInfo tensor;
  arch::Blueprint blueprint;
  RoundSizer sizer;
  device::DeviceFacts facts{"cpu:0", "test", device::DeviceKind::kCpu, "scalar", 1, 1u << 30, 1u << 30, 0};
};

Settings small() {
  Settings settings;
  settings.context = 512;
  settings.sequences = 4;
  settings.step_rows = 16;
  return settings;
}

// 3 inputs of 192 channels; 128 x 16 numbers of the scan.
constexpr uint64_t kScanBytes = 4 * (3 * 192 + 128 * 16);

TEST(States, LieOneAfterTheOther) {
  arch::ShortConv conv;
  conv.channels = 10;
  conv.taps = 3;
  const StateLayout layout = state_layout(Model({scan(), attention(0), conv, scan()}).blueprint);
  EXPECT_EQ(layout.recurrent_layers, 3u);
  EXPECT_EQ(layout.layers[0].conv, 0u);
  EXPECT_EQ(layout.layers[0].memory, 4u * 3 * 192);
  EXPECT_EQ(layout.layers[2].conv, kScanBytes);
  EXPECT_EQ(layout.layers[3].conv, kScanBytes + 128);  // 2 x 10 numbers, to a multiple of 64 bytes
  EXPECT_EQ(layout.bytes, 2 * kScanBytes + 128);
  EXPECT_EQ(state_layout(Model({attention(0)}).blueprint).bytes, 0u);
}

TEST(States, AreCountedWhateverTheContext) {
  const Model model({scan(), scan()});
  for (const uint32_t context : {64u, 1024u}) {
    Settings settings = small();
    settings.context = context;
    settings.checkpoints = 5;
    const MemoryPlan plan = model.plan(settings);
    EXPECT_EQ(plan.limits.checkpoints, 5u);
    EXPECT_EQ(plan.devices[0].arena(ArenaKind::kStates).bytes, (4 + 5) * 2 * kScanBytes);
    EXPECT_EQ(plan.devices[0].arena(ArenaKind::kKv).bytes, 0u);
    EXPECT_EQ(plan.limits.pages, 4 * context / kPageTokens) << "they name prefixes";
  }
  EXPECT_EQ(model.plan(small()).limits.checkpoints, 4 * kCheckpointsPerSequence);
}

TEST(States, GiveWayWhereTheUserNamedNoNumber) {
  Model model({scan(), scan(), attention(0)});
  Settings settings = small();
  settings.sequences = 0;
  model.facts.memory_free_bytes = 400'000;
  const MemoryPlan plan = model.plan(settings);
  EXPECT_LT(plan.limits.sequences, kSequencesDefault);
  EXPECT_GE(plan.limits.sequences, 1u);
  EXPECT_LT(plan.limits.checkpoints, plan.limits.sequences * kCheckpointsPerSequence);
  EXPECT_GE(plan.notes.size(), 2u);
  EXPECT_LE(plan.devices[0].bytes(), model.facts.memory_free_bytes);
  settings.checkpoints = kCheckpointsMax;
  EXPECT_THROW(model.plan(settings), Error) << "what was named is kept or refused";
  settings.checkpoints = kCheckpointsMax + 1;
  EXPECT_THROW(model.plan(settings), Error);
}

TEST(States, AModelWithoutThemHasNone) {
  const Model model({attention(0)});
  Settings settings = small();
  settings.checkpoints = 7;
  const MemoryPlan plan = model.plan(settings);
  EXPECT_EQ(plan.limits.checkpoints, 0u);
  EXPECT_EQ(plan.devices[0].arena(ArenaKind::kStates).bytes, 0u);
  EXPECT_EQ(explain(model.blueprint, plan).find("\n  states "), std::string::npos);
  ASSERT_EQ(plan.notes.size(), 1u);
  EXPECT_EQ(plan.notes[0], "no saved states instead of 7: no layer of this model is recurrent");
}

// Where no layer needs pages they still name prefixes, and the engine writes that down: a context as long as
// headers may say it must not take memory that no plan has seen.
TEST(States, RecordsOfPagesAreCountedToo) {
  Model model({scan()});
  model.blueprint.context_train = 1u << 28;
  Settings settings;
  settings.step_rows = 16;
  const MemoryPlan plan = model.plan(settings);
  EXPECT_LE(plan.devices[0].bytes(), model.facts.memory_free_bytes);
  EXPECT_GE(plan.limits.pages, plan.limits.pages_max);
  EXPECT_GT(plan.devices[0].host_bytes, uint64_t{plan.limits.pages} * kPageTokens * sizeof(TokenId));
  EXPECT_LT(plan.limits.context, model.blueprint.context_train) << "1 GiB cannot hold records of 2^26 pages";
}

TEST(States, ThePlanSpeaksOfThem) {
  const Model model({scan()});
  const std::string words = explain(model.blueprint, model.plan(small()));
  EXPECT_NE(words.find("4 live and 16 saved states of 1 recurrent layer"), std::string::npos) << words;
  EXPECT_EQ(to_json(model.blueprint, model.plan(small()))["limits"]["state_bytes"], kScanBytes);
}

constexpr uint64_t kPageBytes = 2 * 32 * 2 * 32;  // of one layer

TEST(WindowPages, AreWhatTheWindowNeedsWhateverTheContext) {
  const Model model({attention(40), attention(0), attention(40), attention(70)});
  const MemoryPlan plan = model.plan(small());
  // Of a window of 40 a step of 16 touches at most 55 positions: 3 pages.
  ASSERT_EQ(plan.limits.windows.size(), 2u);
  EXPECT_EQ(plan.limits.windows[0].window, 40u);
  EXPECT_EQ(plan.limits.windows[0].pages, 4 * 3u);
  EXPECT_EQ(plan.limits.windows[1].pages, 4 * 4u);
  EXPECT_EQ(plan.limits.pages, 4 * 16u);
  EXPECT_EQ(plan.devices[0].arena(ArenaKind::kKv).bytes, kPageBytes * (2 * 12 + 64 + 16));
  EXPECT_EQ(pool_pages(attention(40), plan.limits), 12u);
  EXPECT_EQ(pool_pages(attention(0), plan.limits), 64u);
}

TEST(WindowPages, AreThoseOfTheContextWhereThatIsShorter) {
  const Model model({attention(400), attention(40)});
  Settings settings = small();
  settings.context = 96;
  EXPECT_TRUE(model.plan(settings).limits.windows.empty());
  settings.context = 512;
  settings.whole_windows = true;
  EXPECT_TRUE(model.plan(settings).limits.windows.empty());
}

// Beyond the pages that a pool may have, a window keeps whole contexts, which may wait for each other.
TEST(WindowPages, AreNeverMoreThanAPoolHolds) {
  const Model model({attention(1u << 27)});
  Limits limits;
  limits.step_rows = 1024;
  limits.pages_max = 1u << 23;
  const uint32_t share = window_share(1u << 27, limits.step_rows);
  limits.sequences = kPagesMax / share;
  const auto fits = window_pages(model.blueprint, limits);
  ASSERT_EQ(fits.size(), 1u);
  EXPECT_EQ(fits[0].pages, limits.sequences * share);
  // One more is one too many; and so is what 32 bits would cut to little.
  for (const uint32_t sequences : {limits.sequences + 1, 1024u}) {
    limits.sequences = sequences;
    EXPECT_TRUE(window_pages(model.blueprint, limits).empty()) << sequences;
  }
}

TEST(States, SumsBeyondAnyMachineDoNotWrap) {
  arch::Mamba2 wide = scan();
  wide.heads = wide.taps = 1;
  wide.head_dim = wide.state_dim = 1u << 20;
  const Model model(std::vector<arch::Mixer>(64, wide));
  Settings settings = small();
  settings.checkpoints = (1u << 16) - settings.sequences;
  EXPECT_THROW(model.plan(settings), Error) << "64 layers of 2^42 bytes in 2^16 states are 2^64";
}

TEST(WindowPages, EveryFreeByteCountGivesAPlanThatFitsOrARefusal) {
  Model model({attention(40), attention(0), scan()});
  uint32_t plans = 0;
  for (uint64_t free = 50'000; free < 1'500'000; free += 7'919) {
    model.facts.memory_free_bytes = free;
    for (const uint32_t context : {0u, 300u}) {
      Settings settings;
      settings.context = context;
      settings.step_rows = 8;
      try {
        EXPECT_LE(model.plan(settings).devices[0].bytes(), free);
        ++plans;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kMemory);
      }
    }
  }
  EXPECT_GT(plans, 100u);
}

}  // namespace
}  // namespace gantry::plan
