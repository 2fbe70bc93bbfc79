#include "plan/memory_plan.h"

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "plan/activations.h"
#include "plan/explain.h"
#include "plan/round_sizer.h"

namespace gantry::plan {
namespace {

// Two layers, 64 wide, without a file.
struct Model {
  Model() {
    blueprint.name = "test";
    blueprint.arch = "llama";
    blueprint.vocab = 100;
    blueprint.width = 64;
    blueprint.context_train = 1024;
    blueprint.embedding = matrix(100, 64);
    blueprint.output = arch::Linear{*blueprint.embedding, {}};
    blueprint.output_norm = norm(64);
    arch::Rope rope;
    rope.frequencies = std::vector<double>(8, 1.0);
    blueprint.ropes.push_back(rope);
    for (int i = 0; i < 2; ++i) {
      arch::SoftmaxAttention attention;
      attention.heads = 4;
      attention.kv_heads = 2;
      attention.key_dim = attention.value_dim = 16;
      attention.q = attention.out = {matrix(64, 64), {}};
      attention.k = {matrix(32, 64), {}};
      attention.v = {matrix(32, 64), {}};
      attention.rope = 0;
      arch::LayerSpec layer;
      layer.mixer_norm = norm(64);
      layer.mixer = attention;
      layer.ffn_norm = norm(64);
      layer.ffn = arch::GatedMlp{
          device::Activation::kSilu, {matrix(128, 64), {}}, {matrix(128, 64), {}}, {matrix(64, 128), {}}};
      blueprint.layers.push_back(layer);
    }
  }
  arch::Norm norm(uint32_t size) {
    return {device::NormKind::kRms, size, 1, vector(size), std::nullopt, 1e-5f};
  }
  // Twelve experts of 64 x 32 instead of the MLPs, three of them for a token.
  void mix() {
    for (arch::LayerSpec& layer : blueprint.layers) {
      arch::ExpertMlp mlp;
      mlp.routing.experts = 12;
      mlp.routing.used = 3;
      mlp.router = {matrix(12, 64), {}};
      mlp.gate = stack(12, 32, 64);
      mlp.up = stack(12, 32, 64);
      mlp.down = stack(12, 64, 32);
      layer.ffn = mlp;
    }
  }
  arch::MatrixStack stack(uint32_t count, uint32_t rows, uint32_t cols) {
    return {{tensor({cols, rows, count})}, {quant::Dtype::kF32, rows, cols}, count, 0, rows, false, true};
  }
  arch::Matrix matrix(uint32_t rows, uint32_t cols) {
    return {tensor({cols, rows}), {quant::Dtype::kF32, rows, cols}};
  }
  arch::Vector vector(uint32_t size) { return {tensor({size}), size, 0}; }
  const gguf::TensorInfo* tensor(std::vector<uint64_t> shape) {
    gguf::TensorInfo info;
    info.name = "some.weight";
    info.shape = std::move(shape);
    info.dtype = quant::Dtype::kF32;
    info.bytes = info.values() * 4;
    tensors.push_back(std::make_unique<gguf::TensorInfo>(info));
    return tensors.back().get();
  }

  std::vector<std::unique_ptr<gguf::TensorInfo>> tensors;
  arch::Blueprint blueprint;
  RoundSizer sizer;
  device::DeviceFacts facts{"cpu:0", "test", device::DeviceKind::kCpu, "scalar", 1, 1u << 30, 1u << 30, 0};

  MemoryPlan plan(const Settings& settings) const {
    return make_plan(blueprint, settings, machine_of({facts, {facts.memory_free_bytes}, &sizer}));
  }
};

TEST(MemoryPlan, AddsUp) {
  const Model model;
  Settings settings;
  settings.context = 64;
  settings.sequences = 2;
  settings.step_rows = 16;
  const MemoryPlan plan = model.plan(settings);
  const DevicePlan& device = plan.devices[0];
  // 100*64 + 2 * (64*64*2 + 32*64*2 + 3*128*64 + two norms of 256) + 256 + 8 frequencies of 8 bytes
  EXPECT_EQ(device.arena(ArenaKind::kWeights).bytes, 6400u + 2 * (8192 + 4096 + 24576 + 512) + 256 + 64);
  // 2 layers x 4 pages x 2 bytes x 32 positions x 2 heads x 32 values
  EXPECT_EQ(device.arena(ArenaKind::kKv).bytes, 2u * 4 * 2 * 32 * 2 * 32);
  // rows x (stream 64 + normed 64 + q 64 + k 32 + v 32 + attended 64 + gate 128 + up 128 + table 16), last
  // 2x64, logits 2x100
  EXPECT_EQ(device.arena(ArenaKind::kActivations).bytes, 4u * (16 * 592 + 2 * 64) + align_up(4 * 200, 64));
  EXPECT_EQ(device.arena(ArenaKind::kScratch).bytes, 128u * 16);
  // Two steps' rows and one as it is sent (16 of tokens, positions, those to turn by, and sequences; tables
  // of 2 x 2; 2 rows that give something, runs and states: each of eight begins a line); logits of 2 x 100;
  // hidden states of 2 x 64; 36 for each of 100 tokens; two sequences of 64 tokens; 4 pages, two tables of 2,
  // roots of 4 pages and 2 sequences, two lists of 8 copies.
  EXPECT_EQ(device.host_bytes, 3u * 8 * 64 + 4 * 2 * 100 + 4 * 2 * 64 + 3600 + 4 * 2 * 64 + 4 * 200 +
                                   2 * 2 * 8 + 6 * 184 + 2 * 8 * 24);
  EXPECT_EQ(device.host_bytes, plan.host.bytes);
  uint64_t sum = device.overhead_bytes + device.host_bytes;
  for (const ArenaPlan& arena : device.arenas) {
    uint64_t items = 0;
    for (const Item& item : arena.items) items += align_up(item.bytes, 64);
    EXPECT_EQ(items, arena.bytes);
    sum += arena.bytes;
  }
  EXPECT_EQ(sum, device.bytes());
}

TEST(MemoryPlan, ExpertsAddUp) {
  Model model;
  Settings settings;
  settings.context = 64;
  settings.sequences = 2;
  settings.step_rows = 16;
  const MemoryPlan dense = model.plan(settings);
  model.mix();
  const MemoryPlan plan = model.plan(settings);
  const auto bytes = [](const MemoryPlan& of, ArenaKind kind) { return of.devices[0].arena(kind).bytes; };
  // Per layer the router and 12 x 3 matrices of 32 x 64 instead of 3 of 128 x 64; 32 * 64 is a whole line.
  EXPECT_EQ(bytes(plan, ArenaKind::kWeights),
            bytes(dense, ArenaKind::kWeights) + 2 * (12u * 64 + 36 * 32 * 64 - 3 * 128 * 64));
  EXPECT_EQ(bytes(plan, ArenaKind::kKv), bytes(dense, ArenaKind::kKv));
  // Instead of hidden and up: scores 12, places 3 + 3, weights 3, three experts' hidden, up and result;
  // starts.
  EXPECT_EQ(bytes(plan, ArenaKind::kActivations), bytes(dense, ArenaKind::kActivations) - 4u * 16 * 2 * 128 +
                                                      4u * 16 * (12 + 3 + 3 + 3 + 3 * (32 + 32 + 64)) +
                                                      align_up(4 * 13, 64));
  EXPECT_EQ(bytes(plan, ArenaKind::kScratch), align_up(64u * 16 * 3 + 12, 64));
  uint64_t experts = 0;
  for (const Item& item : plan.devices[0].arena(ArenaKind::kWeights).items)
    experts += item.experts ? item.bytes : 0;
  EXPECT_EQ(experts, 2u * 36 * 32 * 64);
  EXPECT_NE(explain(model.blueprint, plan).find(std::to_string(experts)), std::string::npos);
  EXPECT_EQ(to_json(model.blueprint, plan)["devices"][0]["arenas"][0]["expert_bytes"], experts);
}

// A GPU's plan has the host's beside it, with a budget of its own.
TEST(MemoryPlan, TheHostsMemoryIsPlannedToo) {
  Model model;
  Settings settings;
  settings.context = 64;
  settings.sequences = 2;
  settings.step_rows = 16;
  settings.host_items = {{"tokenizer", 5000}};
  const MemoryPlan on_cpu = model.plan(settings);
  model.facts.kind = device::DeviceKind::kGpu;
  model.facts.id = "gpu:0";
  const auto plan = [&](uint64_t host_bytes) {
    return make_plan(model.blueprint, settings,
                     machine_of({model.facts, {model.facts.memory_free_bytes}, &model.sizer},
                                {uint64_t{1} << 30, {host_bytes}}));
  };
  const MemoryPlan on_gpu = plan(on_cpu.host.bytes);
  EXPECT_EQ(on_gpu.host.bytes, on_cpu.host.bytes) << "the same is kept, wherever the weights are";
  EXPECT_EQ(on_gpu.host.items.back().name, "tokenizer");
  EXPECT_EQ(on_gpu.devices[0].host_bytes, 0u);
  EXPECT_EQ(on_gpu.devices[0].bytes(), on_cpu.devices[0].bytes() - on_cpu.host.bytes);
  const std::string words = explain(model.blueprint, on_gpu);
  EXPECT_NE(words.find("host      main memory"), std::string::npos) << words;
  EXPECT_NE(words.find("tokenizer"), std::string::npos) << words;
  EXPECT_EQ(to_json(model.blueprint, on_gpu)["host"]["bytes"], on_gpu.host.bytes);
  try {
    plan(on_cpu.host.bytes - 1);
    FAIL() << "a host that is too small was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemory);
    EXPECT_EQ(error.where(), "main memory");  // "host" is a setting, and would be told as its flag
    EXPECT_NE(error.message().find("1 B short"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("tokenizer"), std::string::npos) << error.message();
  }
}

// What the device cannot do is told before anything is counted.
TEST(MemoryPlan, ADeviceIsAskedWhatItCan) {
  class NoAttention final : public RoundSizer {
   public:
    device::Answer can(device::Operation operation, quant::Dtype) const override {
      return {operation != device::Operation::kAttention, "no such kernel"};
    }
  };
  const Model model;
  const NoAttention sizer;
  try {
    make_plan(model.blueprint, {}, machine_of({model.facts, {1u << 30}, &sizer}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_EQ(error.where(), "cpu:0, layer 0");
    EXPECT_NE(error.message().find("no such kernel"), std::string::npos) << error.message();
  }
}

TEST(MemoryPlan, SeveralDevicesAreRefusedByName) {
  const Model model;
  Machine machine = machine_of({model.facts, {1u << 30}, &model.sizer});
  machine.devices.push_back(machine.devices[0]);
  try {
    make_plan(model.blueprint, {}, machine);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_EQ(error.where(), "device");
  }
}

// What is free is everybody's, what is set aside is the model's.
TEST(MemoryPlan, AReservedBudgetIsUsedWhole) {
  Model model;
  const uint64_t whole = model.plan({}).devices[0].bytes();
  const auto pages = [&](bool reserved) {
    return make_plan(model.blueprint, {}, machine_of({model.facts, {whole - 1000, reserved}, &model.sizer}))
        .limits.pages;
  };
  EXPECT_GT(pages(true), pages(false));
}

TEST(MemoryPlan, WhatTheUserNamedIsKeptOrRefused) {
  Model model;
  Settings settings;
  settings.context = 512;
  settings.sequences = 4;
  const MemoryPlan whole = model.plan(settings);
  EXPECT_EQ(whole.limits.pages, 64u);
  EXPECT_TRUE(whole.notes.empty());
  model.facts.memory_free_bytes = whole.devices[0].bytes();
  EXPECT_EQ(model.plan(settings).limits.pages, 64u);
  model.facts.memory_free_bytes -= 1;
  EXPECT_THROW(model.plan(settings), Error);
}

TEST(MemoryPlan, WhatIsTooMuchIsNamed) {
  const Model model;
  Settings settings;
  settings.context = 1025;
  EXPECT_THROW(model.plan(settings), Error);
  settings.context = 0;
  settings.sequences = kSequencesMax;
  EXPECT_EQ(model.plan(settings).limits.sequences, kSequencesMax);
  settings.sequences = kSequencesMax + 1;
  EXPECT_THROW(model.plan(settings), Error);
  settings.sequences = 0;
  settings.step_rows = kStepRowsMax + 1;
  EXPECT_THROW(model.plan(settings), Error);
}

TEST(MemoryPlan, AStepHoldsEverySequence) {
  const Model model;
  Settings settings;
  settings.sequences = 40;
  settings.step_rows = 3;
  const MemoryPlan plan = model.plan(settings);
  EXPECT_EQ(plan.limits.step_rows, 40u);
  ASSERT_EQ(plan.notes.size(), 1u) << "what the user named was changed without a word";
  EXPECT_EQ(plan.notes[0], "a batch of 40 tokens instead of 3: each of the parallel requests needs one");
  settings.step_rows = 40;
  EXPECT_TRUE(model.plan(settings).notes.empty());
}

// What is proposed takes less than what was asked for, so never a larger type.
TEST(MemoryPlan, TheNearestPlansAreOfTypesThatAreNotLarger) {
  Model model;
  Settings settings;
  settings.context = 1024;
  settings.sequences = 8;
  settings.step_rows = 8;
  for (const auto& [asked, proposed] :
       {std::pair{"f32", "f32 f16 q8_0"}, {"f16", "f16 q8_0"}, {"q8_0", "q8_0"}}) {
    settings.kv_dtype = parse_kv_dtype(asked);
    model.facts.memory_free_bytes = 1u << 30;
    model.facts.memory_free_bytes = model.plan(settings).devices[0].bytes() - 1;
    try {
      model.plan(settings);
      FAIL();
    } catch (const Error& error) {
      std::string types;
      const std::string mark = "kv_type=";
      for (size_t at = error.mend().find(mark); at != std::string::npos;
           at = error.mend().find(mark, at + 1)) {
        const size_t from = at + mark.size();
        const size_t end = error.mend().find_first_of("; ", from);
        types += (types.empty() ? "" : " ") + error.mend().substr(from, end - from);
      }
      EXPECT_EQ(types, proposed) << error.mend();
    }
  }
}

TEST(MemoryPlan, NothingFitsSaysSo) {
  Model model;
  model.facts.memory_free_bytes = 50'000;
  try {
    model.plan({});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemory);
    EXPECT_NE(error.mend().find("the weights alone do not fit"), std::string::npos) << error.mend();
  }
}

// The settings of one offer: "the same with step_rows=64", "sequences=1 context=96 kv_type=f16".
Settings offered(const std::string& text, Settings settings) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
    if (name == "sequences")
      settings.sequences = static_cast<uint32_t>(std::stoul(value));
    else if (name == "context")
      settings.context = static_cast<uint32_t>(std::stoul(value));
    else if (name == "step_rows")
      settings.step_rows = static_cast<uint32_t>(std::stoul(value));
    else if (name == "checkpoints")
      settings.checkpoints = static_cast<uint32_t>(std::stoul(value));
    else if (name == "kv_type")
      settings.kv_dtype = parse_kv_dtype(value);
    else
      ADD_FAILURE() << name;
  }
  return settings;
}

TEST(MemoryPlan, WhatARefusalOffersFits) {
  Model model;
  size_t offers = 0, nothing = 0;
  for (const uint32_t context : {0u, 1024u}) {
    Settings settings;
    settings.context = context;
    settings.sequences = context == 0 ? 0 : 8;
    for (uint64_t free = 50'000; free < 2'500'000; free += 7'919) {
      model.facts.memory_free_bytes = free;
      try {
        model.plan(settings);
      } catch (const Error& error) {
        std::string rest = error.mend();
        if (!rest.starts_with("what fits: ")) {
          ++nothing;
          continue;
        }
        rest = rest.substr(11);
        while (!rest.empty()) {
          const size_t end = std::min(rest.find("; or "), rest.size());
          EXPECT_NO_THROW(model.plan(offered(rest.substr(0, end), settings))) << free << ": " << error.mend();
          rest = rest.substr(std::min(end + 5, rest.size()));
          ++offers;
        }
      }
    }
  }
  EXPECT_GT(offers, 10u);
  EXPECT_GT(nothing, 1u);
}

TEST(MemoryPlan, TheWeightsAreToBlameOnlyWhereTheyAre) {
  Model model;
  const MemoryPlan any = model.plan({});
  const uint64_t weights = any.devices[0].arena(ArenaKind::kWeights).bytes + any.devices[0].overhead_bytes;
  for (const uint64_t free : {weights - 1, weights}) {
    model.facts.memory_free_bytes = free;
    try {
      model.plan({});
      FAIL() << free;
    } catch (const Error& error) {
      EXPECT_EQ(error.mend().starts_with("the weights alone do not fit"), free < weights) << error.mend();
    }
  }
}

TEST(MemoryPlan, EveryFreeByteCountGivesAPlanThatFitsOrARefusal) {
  Model model;
  for (uint64_t free = 80'000; free < 2'000'000; free += 7'919) {
    model.facts.memory_free_bytes = free;
    for (const uint32_t context : {0u, 96u}) {
      Settings settings;
      settings.context = context;
      settings.step_rows = 8;
      try {
        const MemoryPlan plan = model.plan(settings);
        EXPECT_LE(plan.devices[0].bytes(), free);
        EXPECT_GE(plan.limits.pages, plan.limits.pages_max);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kMemory);
      }
    }
  }
}

// 64 layers of 2^30 pages of 2^28 bytes are 2^64: nothing, where sums wrap.
TEST(MemoryPlan, SumsBeyondAnyMachineDoNotWrap) {
  Model model;
  for (arch::LayerSpec& layer : model.blueprint.layers) {
    auto& attention = std::get<arch::SoftmaxAttention>(layer.mixer);
    attention.heads = attention.kv_heads = 1u << 16;
  }
  model.blueprint.layers.resize(64, model.blueprint.layers[0]);
  model.blueprint.context_train = 1u << 27;
  model.facts.memory_free_bytes = uint64_t{1} << 50;
  Settings settings;
  settings.context = 1u << 27;
  settings.sequences = 256;
  settings.kv_dtype = quant::Dtype::kF32;
  try {
    const MemoryPlan plan = model.plan(settings);
    FAIL() << plan.devices[0].bytes() << " bytes were thought enough";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemory);
  }
}

TEST(Explain, SaysBytesAndLimits) {
  const Model model;
  const MemoryPlan plan = model.plan({});
  const std::string text = explain(model.blueprint, plan);
  for (const char* word : {"weights", "kv", "activations", "scratch", "staging", "overhead", "host", "total",
                           "serves", "cpu:0"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word << " in\n" << text;
  }
  EXPECT_NE(text.find(std::to_string(plan.devices[0].bytes())), std::string::npos);
  EXPECT_EQ(to_json(model.blueprint, plan)["devices"][0]["bytes"], plan.devices[0].bytes());
}

TEST(KvDtype, OnlyThoseThatExist) {
  EXPECT_EQ(parse_kv_dtype("q8_0"), quant::Dtype::kQ8_0);
  EXPECT_EQ(parse_kv_dtype("F32"), quant::Dtype::kF32);
  EXPECT_THROW(parse_kv_dtype("q4_0"), Error);
  EXPECT_THROW(parse_kv_dtype(""), Error);
}

// Each buffer where a layer needs it, and only there.
TEST(Activations, FollowTheKindsOfLayers) {
  const auto roles = [](const arch::Blueprint& blueprint) {
    Limits limits;
    limits.step_rows = 5;
    limits.logit_rows = 2;
    std::set<Role> found;
    for (const Activation& a : list_activations(blueprint, limits)) {
      EXPECT_GT(a.bytes(), 0u) << name_of(a.role);
      EXPECT_TRUE(found.insert(a.role).second) << name_of(a.role);
    }
    return found;
  };
  Model model;
  arch::Blueprint& blueprint = model.blueprint;
  EXPECT_EQ(roles(blueprint).count(Role::kBranch), 0u);
  EXPECT_EQ(roles(blueprint).count(Role::kNormedForFfn), 0u);
  blueprint.layers[1].parallel = true;
  EXPECT_EQ(roles(blueprint).count(Role::kNormedForFfn), 1u);
  blueprint.layers[1].ffn_norm.reset();
  EXPECT_EQ(roles(blueprint).count(Role::kNormedForFfn), 0u);
  blueprint.layers[0].residual_scale = 0.5f;
  EXPECT_EQ(roles(blueprint).count(Role::kBranch), 1u);
  EXPECT_EQ(roles(blueprint).count(Role::kUp), 1u);
  for (arch::LayerSpec& layer : blueprint.layers) {
    layer.ffn =
        arch::PlainMlp{device::Activation::kGelu, {model.matrix(128, 64), {}}, {model.matrix(64, 128), {}}};
  }
  EXPECT_EQ(roles(blueprint).count(Role::kUp), 0u);
}

}  // namespace
}  // namespace gantry::plan
