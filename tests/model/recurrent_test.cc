// Contract E over models with recurrent layers: alone, among 32, in slices, with a warm cache, with many, few
// and no checkpoints, preempted: one answer. The files are the tiny ones of the reference logits.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "tests/model/asking.h"

namespace gantry {
namespace {

using testing::Answer;
using testing::FewPages;
using testing::Live;

constexpr size_t kJobs = 32;

class RecurrentAnswer : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path = "conformance/logits/" + std::string(GetParam()) + ".gguf";
    GANTRY_NEED_SHARED(path);
    settings_.model_path = testing::shared_path(path);
    settings_.kv_type = "f32";
    settings_.sequences = 1;
    const fleet::OpenedModel opened = fleet::open_model(testing::registry(), settings_);
    vocab_ = opened.blueprint->vocab;
    for (size_t i = 0; i < kJobs; ++i) jobs_.push_back(job(i));
    engine::EngineOptions cold;
    cold.prefix_cache = false;
    const Live alone = testing::make_live(settings_, cold);
    for (const engine::Job& job : jobs_) alone_.push_back(testing::ask_all(*alone.engine, {job})[0]);
  }

  TokenId token(uint64_t text, uint64_t at) const {
    return static_cast<TokenId>(uniform_at(text, at, 3) * vocab_);
  }

  // One of three beginnings, of a length that page borders know nothing of, then the job's own; some prompts
  // are the same as another's.
  engine::Job job(size_t i) const {
    engine::Job job;
    const size_t length = i % 8 == 7 ? 64 * (1 + i % 3) : 20 + i * 37 % 150, shared = i * 53 % (length + 1);
    for (size_t at = 0; at < length; ++at)
      job.prompt.push_back(at < shared || i % 5 == 0 ? token(i % 3, at) : token(100 + i, at));
    job.sampling.temperature = i % 2 == 0 ? 0 : 0.9;
    job.sampling.seed = i;
    job.tokens_max = static_cast<uint32_t>(20 + i % 30);
    job.logprobs = true;
    return job;
  }

  fleet::LoadSettings settings_;
  uint32_t vocab_ = 0;
  std::vector<engine::Job> jobs_;
  std::vector<Answer> alone_;
};

TEST_P(RecurrentAnswer, InABatchWarmAndSliced) {
  for (const auto& [step_rows, checkpoints] :
       {std::pair<uint32_t, uint32_t>{32, 100}, {39, 6}, {512, 100}, {512, 0}}) {
    fleet::LoadSettings settings = settings_;
    settings.sequences = 32;
    settings.step_rows = step_rows;
    settings.checkpoints = checkpoints;
    const Live live = testing::make_live(settings);
    EXPECT_EQ(testing::ask_all(*live.engine, jobs_), alone_) << "first time, steps of " << step_rows;
    EXPECT_EQ(testing::ask_all(*live.engine, jobs_), alone_) << "again, steps of " << step_rows;
    if (checkpoints > 6) {
      EXPECT_GT(live.engine->stats().cached_tokens, 500u);
    }
  }
}

// A conversation: each prompt is the one before, its answer and a little more. All but the last page of what
// is known need no computing.
TEST_P(RecurrentAnswer, ATurnGoesOnWhereTheLastEnded) {
  fleet::LoadSettings settings = settings_;
  settings.sequences = 2;
  const Live live = testing::make_live(settings);
  engine::Job job = jobs_[1];
  job.sampling.temperature = 0;
  job.prompt.resize(50, 1);
  job.tokens_max = 40;
  uint64_t cached = 0;
  for (int turn = 0; turn < 3; ++turn) {
    const Answer answer = testing::ask_all(*live.engine, {job})[0];
    const uint64_t known = live.engine->stats().cached_tokens - cached;
    cached += known;
    EXPECT_TRUE(turn == 0 || known + 2 * kPageTokens >= job.prompt.size()) << turn << ": " << known;
    job.prompt.insert(job.prompt.end(), answer.tokens.begin(), answer.tokens.end());
    job.prompt.insert(job.prompt.end(), {3, 1, 4, 1, 5});
  }
}

TEST_P(RecurrentAnswer, Preempted) {
  for (const uint32_t checkpoints : {0u, 5u, 40u}) {
    fleet::LoadSettings settings = settings_;
    settings.sequences = 8;
    settings.checkpoints = checkpoints;
    const Live live = testing::make_live(settings);
    FewPages few(*live.runner, 10);  // a context of the model's takes 8
    const auto engine = engine::Engine::start(few);
    EXPECT_EQ(testing::ask_all(*engine, jobs_), alone_) << checkpoints;
    EXPECT_GT(engine->stats().preemptions, 0u) << "the pool was too large for this to mean anything";
  }
}

INSTANTIATE_TEST_SUITE_P(Families, RecurrentAnswer,
                         ::testing::Values("mamba2", "lfm2", "lfm2moe", "qwen35", "gemma3", "exaone4"),
                         [](const auto& family) { return std::string(family.param); });

}  // namespace
}  // namespace gantry
