// A shard in a plan: what the exchange of sums takes is counted, and what is not shared out is told.
#include <algorithm>

#include <gtest/gtest.h>

#include "arch/part.h"
#include "arch/tiny_families.h"
#include "plan/activations.h"
#include "plan/explain.h"
#include "plan/needs.h"
#include "plan/round_sizer.h"

namespace gantry::plan {
namespace {

uint64_t nodes_of(const arch::Blueprint& blueprint, const Limits& limits) {
  uint64_t cols = 0;
  for (const Activation& activation : list_activations(blueprint, limits))
    if (activation.role == Role::kNodes) cols = activation.cols;
  return cols;
}

arch::Blueprint tiny(const std::vector<arch::TinyFile>& files, const std::string& name,
                     std::unique_ptr<gguf::GgufFile>& file) {
  const auto found = std::find_if(files.begin(), files.end(), [&](const auto& f) { return f.name == name; });
  file = found->open();
  return arch::read_blueprint(*file);
}

MemoryPlan plan_of(const arch::Blueprint& blueprint) {
  static const RoundSizer sizer;
  Settings settings;
  settings.context = 64;
  settings.sequences = 2;
  device::DeviceFacts facts;
  facts.id = "cpu:0";
  return make_plan(blueprint, settings, machine_of({facts, {uint64_t{1} << 40}, &sizer}));
}

TEST(Shard, AllRanksNodesAreCounted) {
  const std::vector<arch::TinyFile> files = arch::tiny_families(4);
  std::unique_ptr<gguf::GgufFile> file;
  Limits limits;
  limits.step_rows = 8;
  limits.logit_rows = 2;
  const arch::Blueprint llama = tiny(files, "llama", file);
  EXPECT_EQ(nodes_of(llama, limits), 0u);
  EXPECT_EQ(nodes_of(arch::part(llama, {0, 0, 0, {1, 1}}), limits), 2 * llama.width);
  // Three quarters are two nodes of the tree.
  EXPECT_EQ(nodes_of(arch::part(llama, {0, 0, 0, {3, 1}}), limits), 3 * llama.width);
  EXPECT_EQ(nodes_of(arch::part(llama, {0, 0, 1, {1, 1, 1, 1}}), limits), 4 * llama.width);
  const arch::Blueprint experts = tiny(files, "gpt-oss", file);
  EXPECT_EQ(nodes_of(arch::part(experts, {0, 0, 0, {1, 1}}), limits), 2 * 2 * experts.width)
      << "two experts of each row";
}

TEST(Shard, NeedsTheEndOfSums) {
  const std::vector<arch::TinyFile> files = arch::tiny_families();
  std::unique_ptr<gguf::GgufFile> file;
  const arch::Blueprint whole = tiny(files, "llama", file);
  const auto needs_it = [](const arch::Blueprint& blueprint) {
    const std::vector<Need> needs = list_needs(blueprint, quant::Dtype::kF16);
    return std::any_of(needs.begin(), needs.end(),
                       [](const Need& need) { return need.operation == device::Operation::kFinishLinear; });
  };
  EXPECT_FALSE(needs_it(whole));
  EXPECT_TRUE(needs_it(arch::part(whole, {0, 0, 0, {1, 1}})));
}

TEST(Shard, TellsWhatEveryRankHasWhole) {
  const std::vector<arch::TinyFile> files = arch::tiny_families();
  std::unique_ptr<gguf::GgufFile> file;
  arch::Blueprint whole = tiny(files, "llama", file);
  EXPECT_EQ(explain(whole, plan_of(whole)).find("shard"), std::string::npos);
  const arch::Blueprint all = arch::part(whole, {0, 0, 1, {1, 1}});
  EXPECT_EQ(explain(all, plan_of(all)).find("whole on every rank"), std::string::npos);
  // A norm of all queries at once is of all heads.
  auto& attention = std::get<arch::SoftmaxAttention>(whole.layers[2].mixer);
  attention.q_norm =
      arch::Norm{device::NormKind::kRms, attention.heads * attention.key_dim, 1, {}, {}, 1e-5f};
  const arch::Blueprint shard = arch::part(whole, {0, 0, 1, {1, 1}});
  const std::string words = explain(shard, plan_of(shard));
  EXPECT_NE(words.find("shard     rank 1 of 2, shares 1:1: of 3 mixers 2 are shared out, of 3 feed-forward "
                       "layers 3, and the output\n"),
            std::string::npos)
      << words;
  EXPECT_NE(words.find("whole on every rank, wholly or in part: layers 2\n"), std::string::npos) << words;
  EXPECT_EQ(to_json(shard, plan_of(shard))["shard"]["whole_in_layers"], std::vector<uint32_t>{2});
}

}  // namespace
}  // namespace gantry::plan
