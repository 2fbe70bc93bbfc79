// Contract E over a trained model: alone, among 32, in slices, from other pages, with a warm cache,
// preempted: one answer.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/model/asking.h"
#include "tools/stories/stories.h"

namespace gantry {
namespace {

using testing::Answer;
using testing::Listener;
using testing::Live;

constexpr const char* kStories = "conformance/weights/stories260K";

class OneAnswer : public ::testing::Test {
 protected:
  void SetUp() override {
    GANTRY_NEED_SHARED(kStories);
    path_ = (std::filesystem::temp_directory_path() /
             ("gantry_one_answer_" + std::to_string(::getpid()) + ".gguf"))
                .string();
    const auto bytes = tools::make_stories_gguf(testing::shared_path(kStories), quant::Dtype::kQ8_0);
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    const auto golden = nlohmann::json::parse(
        testing::read_bytes(testing::shared_path(std::string(kStories) + "/golden.json")));
    for (const auto& run : golden["cases"])
      prompts_.push_back(run["prompt_ids_with_bos"].get<std::vector<TokenId>>());
  }
  void TearDown() override {
    if (!path_.empty()) std::filesystem::remove(path_);
  }

  Live live(uint32_t sequences, uint32_t step_rows, const engine::EngineOptions& options) const {
    fleet::LoadSettings settings;
    settings.model_path = path_;
    settings.sequences = sequences;
    settings.step_rows = step_rows;
    return testing::make_live(settings, options);
  }

  // Job number `i`: a story's beginning, greedy or sampled, of its own length.
  engine::Job job(size_t i) const {
    engine::Job job;
    job.prompt = prompts_[i % prompts_.size()];
    for (size_t more = 0; more < i / prompts_.size(); ++more) {
      job.prompt.insert(job.prompt.end(), prompts_[(i + more) % prompts_.size()].begin(),
                        prompts_[(i + more) % prompts_.size()].end());
    }
    if (job.prompt.size() > 200) job.prompt.resize(200);
    job.sampling.temperature = i % 2 == 0 ? 0 : 0.9;
    job.sampling.top_p = 0.95;
    job.sampling.seed = i;
    job.tokens_max = static_cast<uint32_t>(20 + i % 30);
    job.logprobs = true;
    return job;
  }

  Answer ask(engine::Engine& engine, size_t i) const {
    const auto listener = std::make_shared<Listener>();
    engine.submit(job(i), listener);
    return listener->wait();
  }

  std::vector<Answer> ask_all(engine::Engine& engine, size_t count) const {
    std::vector<engine::Job> jobs;
    for (size_t i = 0; i < count; ++i) jobs.push_back(job(i));
    return testing::ask_all(engine, jobs);
  }

  std::string path_;
  std::vector<std::vector<TokenId>> prompts_;
};

constexpr size_t kJobs = 32;

TEST_F(OneAnswer, AloneAndInABatchOf32AndWarmAndSliced) {
  std::vector<Answer> alone;
  {
    engine::EngineOptions cold;
    cold.prefix_cache = false;
    const Live l = live(1, 512, cold);
    for (size_t i = 0; i < kJobs; ++i) alone.push_back(ask(*l.engine, i));
  }
  for (const uint32_t step_rows : {32u, 39u, 512u}) {
    const Live l = live(32, step_rows, {});
    EXPECT_EQ(ask_all(*l.engine, kJobs), alone) << "first time, steps of " << step_rows;
    EXPECT_EQ(ask_all(*l.engine, kJobs), alone) << "with a warm cache, steps of " << step_rows;
    EXPECT_GT(l.engine->stats().cached_tokens, 0u);
  }
}

// The pool holds less than what the running sequences want: some are preempted and go on later.
TEST_F(OneAnswer, Preempted) {
  std::vector<Answer> alone;
  {
    const Live l = live(1, 512, {});
    for (size_t i = 0; i < kJobs; ++i) alone.push_back(ask(*l.engine, i));
  }
  fleet::LoadSettings settings;
  settings.model_path = path_;
  settings.sequences = 16;
  fleet::OpenedModel opened = fleet::open_model(testing::registry(), settings);
  // Cap the memory so that the pool shrinks to little more than one whole context.
  const uint64_t page_bytes =
      opened.plan.devices[0].arena(plan::ArenaKind::kKv).bytes / opened.plan.limits.pages;
  settings.memory_cap_bytes = opened.plan.devices[0].bytes() - page_bytes * (opened.plan.limits.pages - 24);
  opened = fleet::open_model(testing::registry(), settings);
  ASSERT_LT(opened.plan.limits.pages, 40u);
  const auto loaded = model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
  const auto runner = model::make_transformer(*opened.blueprint, *loaded, *opened.device);
  const auto engine = engine::Engine::start(*runner);
  EXPECT_EQ(ask_all(*engine, kJobs), alone);
  EXPECT_GT(engine->stats().preemptions, 0u) << "the pool was too large for this test to mean anything";
}

// Several answers to one prompt share the row that ends it, and go on from copies of its memory.
TEST_F(OneAnswer, AmongSeveralToOnePrompt) {
  constexpr uint32_t kAnswers = 5;
  const Live l = live(kAnswers, 512, {});
  for (size_t i = 1; i < 8; i += 2) {
    engine::Job several = job(i);
    several.answers = kAnswers;
    std::vector<std::shared_ptr<Listener>> listeners;
    for (uint32_t n = 0; n < kAnswers; ++n) listeners.push_back(std::make_shared<Listener>());
    l.engine->submit(several, {listeners.begin(), listeners.end()});
    for (uint32_t n = 0; n < kAnswers; ++n) {
      const Answer heard = listeners[n]->wait();
      engine::Job alone = job(i);
      alone.sampling.seed += n;
      EXPECT_EQ(testing::ask_all(*l.engine, {alone}).front(), heard) << "job " << i << ", answer " << n;
    }
  }
}

// The same rows through other pages of a poisoned pool, beside other sequences.
TEST_F(OneAnswer, PagesMayLieAnywhere) {
  const Live l = live(4, 64, {});
  const model::RunnerLimits& limits = l.runner->limits();
  const std::vector<TokenId>& prompt = prompts_.back();
  const auto rows = std::min<size_t>(prompt.size(), 64);
  std::vector<std::vector<float>> results;
  for (const bool reversed : {false, true}) {
    std::vector<PageId> pages(limits.pages_max);
    std::iota(pages.begin(), pages.end(), PageId{0});
    if (reversed) {
      for (PageId& page : pages) page = limits.pages - 1 - page;
    }
    std::vector<int32_t> positions(rows), sequences(rows, 0), wanted = {static_cast<int32_t>(rows) - 1};
    std::iota(positions.begin(), positions.end(), 0);
    const auto logits = l.runner
                            ->step({.tokens = std::span(prompt).first(rows),
                                    .positions = positions,
                                    .sequences = sequences,
                                    .page_tables = pages,
                                    .logit_rows = wanted})
                            .logits;
    results.emplace_back(logits.begin(), logits.end());
  }
  EXPECT_TRUE(testing::same_bits(results[0], results[1]));
}

}  // namespace
}  // namespace gantry
