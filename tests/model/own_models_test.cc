// The headline promises over models that need nothing but this tree: the model in the box, and small ones of
// many families, made here. One answer (contract E), planned equals taken (contract M2), logits against plain
// arithmetic.
#include "tests/model/own_models.h"

#include <cstdio>

#include <gtest/gtest.h>

#include "tests/model/asking.h"
#include "tests/model/contract_e.h"
#include "tests/model/plain_llama.h"

namespace gantry {
namespace {

using testing::Answer;
using testing::Live;
using testing::own_models;
using testing::OwnModel;
using testing::random_tokens;

constexpr size_t kJobs = 32;

class OwnModels : public ::testing::TestWithParam<size_t> {
 protected:
  const OwnModel& model() const { return own_models()[GetParam()]; }
  uint32_t vocab() const {
    return fleet::open_model(testing::registry(), model().settings()).blueprint->vocab;
  }
  // A prompt whose beginning others have as well, greedy or sampled, of a length of its own.
  static engine::Job job(size_t i, uint32_t vocab) {
    engine::Job job;
    job.prompt = random_tokens(i % 3, 10 + i * 17 % 90, vocab);
    const std::vector<TokenId> own = random_tokens(100 + i, i * 29 % 40, vocab);
    job.prompt.insert(job.prompt.end(), own.begin(), own.end());
    job.sampling.temperature = i % 2 == 0 ? 0 : 0.9;
    job.sampling.seed = i;
    job.tokens_max = static_cast<uint32_t>(10 + i % 20);
    job.logprobs = true;
    return job;
  }
};

TEST_P(OwnModels, LogitsAreTheSameInAnySlicesThreadsAndInstructionSets) {
  fleet::LoadSettings settings = model().settings();
  const std::vector<TokenId> tokens = random_tokens(7, 75, vocab());
  const std::vector<float> logits = testing::logits_of(settings, tokens);
  EXPECT_EQ(testing::contract_e(settings, tokens, logits), "holds");
  for (const float value : logits) ASSERT_TRUE(std::isfinite(value));
}

TEST_P(OwnModels, OneAnswerAloneInABatchWarmAndSliced) {
  const uint32_t words = vocab();
  std::vector<engine::Job> jobs;
  for (size_t i = 0; i < kJobs; ++i) jobs.push_back(job(i, words));
  std::vector<Answer> alone;
  fleet::LoadSettings settings = model().settings();
  {
    settings.sequences = 1;
    engine::EngineOptions cold;
    cold.prefix_cache = false;
    const Live live = testing::make_live(settings, cold);
    for (const engine::Job& job : jobs) alone.push_back(testing::ask_all(*live.engine, {job})[0]);
  }
  settings.sequences = 32;
  for (const uint32_t step_rows : {39u, 512u}) {
    settings.step_rows = step_rows;
    const Live live = testing::make_live(settings);
    EXPECT_EQ(testing::ask_all(*live.engine, jobs), alone) << "first time, steps of " << step_rows;
    EXPECT_EQ(testing::ask_all(*live.engine, jobs), alone) << "with a warm cache, steps of " << step_rows;
    EXPECT_GT(live.engine->stats().cached_tokens, 0u);
  }
}

TEST_P(OwnModels, WhatIsTakenIsWhatWasPlannedAndNotOneByteLessWillDo) {
  fleet::LoadSettings settings = model().settings();
  settings.context = 100;
  settings.sequences = 3;
  const fleet::OpenedModel opened = fleet::open_model(testing::registry(), settings);
  const auto loaded = model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
  const plan::DevicePlan& device = opened.plan.devices[0];
  testing::expect_taken(*loaded, device);
  settings.checkpoints = opened.plan.limits.checkpoints;
  settings.memory_cap_bytes = device.bytes();
  EXPECT_EQ(fleet::open_model(testing::registry(), settings).plan.devices[0].bytes(), device.bytes());
  settings.memory_cap_bytes -= 1;
  EXPECT_THROW(fleet::open_model(testing::registry(), settings), Error);
}

INSTANTIATE_TEST_SUITE_P(All, OwnModels, ::testing::Range(size_t{0}, own_models().size()),
                         [](const auto& which) { return testing::test_name(own_models()[which.param]); });

// Quantized activations cost the box some bits; exact weights cost almost none.
TEST(OwnLogits, AreThoseOfPlainArithmetic) {
  size_t compared = 0;
  for (const OwnModel& model : own_models()) {
    const double most = model.name == "llama" ? 1e-9 : model.name == "box" ? 2e-3 : 0;
    if (most == 0) continue;
    const fleet::OpenedModel opened = fleet::open_model(testing::registry(), model.settings());
    const std::vector<TokenId> tokens = random_tokens(5, 40, opened.blueprint->vocab);
    const double error = testing::nmse(testing::logits_of(model.settings(), tokens),
                                       testing::plain_logits(*opened.blueprint, *opened.file, tokens));
    std::printf("%-8s NMSE %.2e\n", model.name.c_str(), error);
    EXPECT_LT(error, most) << model.name;
    ++compared;
  }
  EXPECT_EQ(compared, 2u);
}

}  // namespace
}  // namespace gantry
