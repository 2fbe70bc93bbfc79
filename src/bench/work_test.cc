#include "bench/work.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "arch/tiny_families.h"
#include "plan/round_sizer.h"

namespace gantry::bench {
namespace {

// A layer of attention and an MLP, every matrix with a size of its own.
struct Small {
  Small() {
    tensor.dtype = quant::Dtype::kF32;
    blueprint.vocab = 100;
    blueprint.width = 8;
    blueprint.embedding = matrix(100, 8);
    arch::SoftmaxAttention attention;
    attention.heads = 4;
    attention.kv_heads = 2;
    attention.key_dim = attention.value_dim = 2;
    attention.q = linear(8, 8);
    attention.k = attention.v = linear(4, 8);
    attention.out = linear(8, 8);
    arch::PlainMlp mlp;
    mlp.up = linear(16, 8);
    mlp.down = linear(8, 16);
    arch::LayerSpec layer;
    layer.mixer = attention;
    layer.ffn = mlp;
    blueprint.layers.push_back(layer);
    blueprint.output = linear(100, 8);
  }
  arch::Matrix matrix(uint32_t rows, uint32_t cols) { return {&tensor, {quant::Dtype::kF32, rows, cols}}; }
  arch::Linear linear(uint32_t rows, uint32_t cols) { return {matrix(rows, cols), {}}; }
  Workload workload() const { return {blueprint, sizer, quant::Dtype::kF16}; }

  gguf::TensorInfo tensor;
  plan::RoundSizer sizer;  // a byte for each value
  arch::Blueprint blueprint;
};

constexpr double kLayer = 64 + 32 + 32 + 64 + 128 + 128;  // values of its matrices
constexpr double kOutput = 800;
constexpr double kKept =
    2 * 2 * (2 + 2);  // bytes of a position: two heads of keys and values, two bytes each
constexpr double kLooked = 2 * 4 * (2 + 2);  // operations on a position

TEST(Work, OfOneTokenIsCountedByHand) {
  Small small;
  gguf::TensorInfo other = small.tensor;
  small.blueprint.output->weight.tensor = &other;  // not tied
  const StepWork work = small.workload().of({});
  EXPECT_EQ(work.bytes, kLayer + kOutput + kKept);  // the embedding is looked up, not read
  EXPECT_EQ(work.operations, 2 * (kLayer + kOutput) + kLooked);
}

TEST(Work, ATiedOutputIsReadOnce) {
  const Small small;
  ASSERT_TRUE(small.blueprint.tied());
  const StepWork work = small.workload().of({});
  EXPECT_EQ(work.bytes, kLayer + kOutput + kKept);
  EXPECT_EQ(work.operations, 2 * (kLayer + kOutput) + kLooked);
}

TEST(Work, BatchesShareTheWeights) {
  const Small small;
  const StepWork work = small.workload().of({.sequences = 3, .depth = 9, .logit_rows = 3});
  EXPECT_EQ(work.bytes, kLayer + kOutput + 3 * 10 * kKept);
  EXPECT_EQ(work.operations, 3 * (2 * (kLayer + kOutput) + 10 * kLooked));
}

TEST(Work, APromptLooksBackMoreAndMore) {
  const Small small;
  const StepWork work = small.workload().of({.rows = 4, .depth = 2});
  EXPECT_EQ(work.bytes, kLayer + kOutput + 6 * kKept);
  EXPECT_EQ(work.operations, 4 * 2 * kLayer + 2 * kOutput + (3 + 4 + 5 + 6) * kLooked);
}

TEST(Work, AWindowEndsTheLook) {
  Small small;
  std::get<arch::SoftmaxAttention>(small.blueprint.layers[0].mixer).window = 4;
  const StepWork work = small.workload().of({.rows = 4, .depth = 2});
  EXPECT_EQ(work.operations, 4 * 2 * kLayer + 2 * kOutput + (3 + 4 + 4 + 4) * kLooked);
  const StepWork deep = small.workload().of({.depth = 1000});
  EXPECT_EQ(deep.bytes, kLayer + kOutput + 4 * kKept);
}

// No kind of layer is forgotten: more rows are more work, and experts are read as they are chosen.
TEST(Work, OfEveryFamily) {
  int experts = 0, others = 0;
  for (const arch::TinyFile& tiny : arch::tiny_families()) {
    const auto file = tiny.open();
    const arch::Blueprint blueprint = arch::read_blueprint(*file);
    const plan::RoundSizer sizer;
    const Workload workload(blueprint, sizer, quant::Dtype::kF16);
    const StepWork one = workload.of({}), two = workload.of({.sequences = 2, .logit_rows = 2}),
                   many = workload.of({.sequences = 500, .logit_rows = 500});
    EXPECT_GT(one.bytes, 0) << tiny.name;
    EXPECT_GE(two.bytes, one.bytes) << tiny.name;
    EXPECT_NEAR(two.operations, 2 * one.operations, 1e-6 * one.operations) << tiny.name;
    // What 500 answers read is what is theirs, and the weights once.
    const double own = workload.of({.sequences = 1000, .logit_rows = 1000}).bytes - many.bytes;
    const double read_by_one = one.bytes - own / 500, read_by_many = many.bytes - own;
    EXPECT_GT(read_by_one, 0) << tiny.name;
    EXPECT_LE(read_by_many, 4 * static_cast<double>(arch::parameters(blueprint))) << tiny.name;
    EXPECT_GE(read_by_many, read_by_one - 1) << tiny.name;
    experts += read_by_many > read_by_one + 1 ? 1 : 0;
    others += read_by_many < read_by_one + 1 ? 1 : 0;
  }
  EXPECT_GT(experts, 0);
  EXPECT_GT(others, experts);
}

}  // namespace
}  // namespace gantry::bench
