// The device fails in the Nth step, for every N: what was said before stands, every job ends with the
// device's error, nothing leaks, and the engine says no from then on.
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "base/log.h"
#include "engine/core.h"
#include "tests/sim/sim_jobs.h"
#include "tests/sim/sim_runner.h"

namespace gantry::sim {
namespace {

using engine::FinishReason;

struct Outcome {
  uint64_t steps = 0;
  std::vector<Answer> answers;
};

engine::Job job_of(uint64_t seed, uint32_t i, const model::RunnerLimits& limits) {
  Dice dice(seed * 100 + i);
  return random_job(dice, limits.vocab, limits.context_max);
}

// Twelve jobs, two arriving in each step; the step `fail_at` throws.
void run(uint64_t seed, uint64_t fail_at, Outcome& outcome) {
  const auto limits = sim_limits(61, 100, 4, 24, 8);
  SimRunner runner({.limits = limits,
                    .seed = seed,
                    .fail_at_step = fail_at,
                    .fail_at_launch = seed % 2 == 0,
                    .work = seed % 3 == 0 ? SimOptions::Work::kLate : SimOptions::Work::kAtLaunch});
  engine::EngineCore core(runner, {});
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  while (sinks.size() < 12 || !core.idle()) {
    for (int n = 0; n < 2 && sinks.size() < 12; ++n) {
      engine::Job job = job_of(seed, static_cast<uint32_t>(sinks.size()), limits);
      sinks.push_back(std::make_shared<RecordingSink>());
      auto sequence = engine::make_sequence(std::move(job), sinks.back(), limits);
      sequence->id = sinks.size();
      core.add(std::move(sequence));
    }
    core.step();
    core.check();
  }
  ASSERT_EQ(core.failure() != nullptr, fail_at != 0 && runner.steps() >= fail_at);
  ASSERT_TRUE(!core.failure() || runner.steps() == fail_at) << "a failed device was asked again";
  ASSERT_EQ(core.memory().available(), limits.pages);
  ASSERT_EQ(core.finished().size(), sinks.size());
  outcome.steps = runner.steps();
  for (const auto& sink : sinks) {
    ASSERT_TRUE(sink->finished());
    outcome.answers.push_back(sink->answer());
  }
}

TEST(SimFault, EveryStepMayBeTheLast) {
  const auto limits = sim_limits(61, 100, 4, 24, 8);
  log::set_level(log::Level::kOff);  // thousands of failed devices
  uint64_t failed = 0, done = 0;
  for (uint64_t seed = 1; seed <= 10 && !HasFatalFailure(); ++seed) {
    Outcome whole;
    run(seed, 0, whole);
    for (uint64_t n = 1; n <= whole.steps && !HasFatalFailure(); ++n) {
      Outcome cut;
      run(seed, n, cut);
      for (uint32_t i = 0; i < cut.answers.size(); ++i) {
        const Answer& heard = cut.answers[i];
        const Answer alone = answer_alone({seed, limits.vocab}, job_of(seed, i, limits), limits.context_max);
        ASSERT_EQ(difference(alone, heard), "") << "seed " << seed << " step " << n << " job " << i;
        const bool error = heard.finish == FinishReason::kError;
        ASSERT_TRUE(!error || heard.error == ErrorCode::kDevice);
        failed += error ? 1 : 0;
        done += error ? 0 : 1;
      }
    }
  }
  log::set_level(log::Level::kInfo);
  EXPECT_GT(failed, 1000u);
  EXPECT_GT(done, 1000u);
}

}  // namespace
}  // namespace gantry::sim
