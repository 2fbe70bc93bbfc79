// Contract E over the host's cache: with few pages on the device, those that make room move to the host's
// memory and come back, and every answer is that of the job alone, bit for bit, for pages, windows and
// states. The files are the tiny ones of the reference logits.
#include <algorithm>
#include <cstdio>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "tests/model/asking.h"

namespace gantry {
namespace {

using testing::Answer;
using testing::FewPages;
using testing::Live;

constexpr size_t kJobs = 16;
constexpr uint32_t kContext = 256;

class HostCache : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path = "conformance/logits/" + std::string(GetParam()) + ".gguf";
    GANTRY_NEED_SHARED(path);
    settings_.model_path = testing::shared_path(path);
    settings_.context = std::min(kContext, testing::make_live(settings_).runner->limits().context_max);
    settings_.sequences = 1;
    settings_.step_rows = 64;
    engine::EngineOptions cold;
    cold.prefix_cache = false;
    const Live alone = testing::make_live(settings_, cold);
    vocab_ = alone.runner->limits().vocab;
    for (size_t i = 0; i < kJobs; ++i) jobs_.push_back(job(i));
    for (const engine::Job& job : jobs_) alone_.push_back(testing::ask_all(*alone.engine, {job})[0]);
  }

  // One of four beginnings that are longer than what the device's cache holds together.
  engine::Job job(size_t i) const {
    engine::Job job;
    const size_t most = settings_.context - 30, shared = most / 2;
    const size_t length = shared + i * 37 % (most - shared);
    for (size_t at = 0; at < length; ++at) {
      const uint64_t text = at < shared ? i % 4 : 100 + i;
      job.prompt.push_back(static_cast<TokenId>(uniform_at(text, at, 3) * vocab_));
    }
    job.sampling.temperature = i % 2 == 0 ? 0 : 0.9;
    job.sampling.seed = i;
    job.tokens_max = static_cast<uint32_t>(5 + i % 20);
    job.logprobs = true;
    return job;
  }

  fleet::LoadSettings settings_;
  uint32_t vocab_ = 0;
  std::vector<engine::Job> jobs_;
  std::vector<Answer> alone_;
};

TEST_P(HostCache, TheAnswersAreThoseOfTheJobsAlone) {
  for (const uint64_t bytes : {uint64_t{1} << 26, uint64_t{0}}) {
    fleet::LoadSettings settings = settings_;
    settings.sequences = 4;
    settings.checkpoints = 4;
    settings.host_cache_bytes = bytes;
    const Live live = testing::make_live(settings);
    EXPECT_EQ(live.loaded->host_cache() != nullptr, bytes != 0);
    FewPages few(*live.runner, live.runner->limits().pages_max + 2);
    const auto engine = engine::Engine::start(few);
    for (int time = 0; time < 3; ++time) EXPECT_EQ(testing::ask_all(*engine, jobs_), alone_) << time;
    const engine::EngineStats stats = engine->stats();
    std::printf(
        "%s, %llu bytes on the host: %llu tokens cached of %llu, %llu pages and states brought back\n",
        GetParam(), static_cast<unsigned long long>(bytes),
        static_cast<unsigned long long>(stats.cached_tokens),
        static_cast<unsigned long long>(stats.prompt_tokens), static_cast<unsigned long long>(stats.fetched));
    EXPECT_EQ(stats.fetched > 0, bytes != 0);
    EXPECT_GE(stats.cached_tokens, bytes != 0 ? stats.prompt_tokens / 2 : 0) << "all that was known";
  }
}

INSTANTIATE_TEST_SUITE_P(Families, HostCache,
                         ::testing::Values("llama", "mamba2", "lfm2", "qwen35", "gemma3", "deepseek2"),
                         [](const auto& family) { return std::string(family.param); });

}  // namespace
}  // namespace gantry
