// Drafts that are right, wrong or both are verified in one step, and what was wrong is taken back: the
// answers are those of the job alone. GANTRY_SIM_SEEDS sets how many seeds are run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/sim_desk.h"
#include "tests/sim/sim_jobs.h"
#include "tests/sim/sim_runner.h"

namespace gantry::sim {
namespace {

using engine::FinishReason;
using engine::Job;

constexpr uint32_t kVocab = 61;

// Knows the answers, and errs as often as it is told to.
class Oracle final : public engine::DraftSource {
 public:
  Oracle(uint64_t seed, double right) : dice_(seed), right_(right) {}

  void learn(const Job& job, const Answer& alone) {
    known_.push_back(job.prompt);
    known_.back().insert(known_.back().end(), alone.tokens.begin(), alone.tokens.end());
  }
  uint32_t propose(std::span<const TokenId> tokens, std::span<TokenId> guesses) override {
    const auto answer = std::ranges::find_if(known_, [&](const auto& known) {
      return known.size() > tokens.size() &&
             std::ranges::equal(tokens, std::span(known).first(tokens.size()));
    });
    if (answer == known_.end()) return 0;
    const auto left = static_cast<uint32_t>(answer->size() - tokens.size());
    const auto most = std::min(left, static_cast<uint32_t>(guesses.size()));
    const uint32_t count = right_ == 1 ? most : dice_.roll(0, most);
    for (uint32_t i = 0; i < count; ++i)
      guesses[i] = dice_.chance(right_) ? (*answer)[tokens.size() + i]
                                        : static_cast<TokenId>(dice_.roll(0, kVocab - 1));
    proposed += count;
    return count;
  }
  uint64_t proposed = 0;

 private:
  Dice dice_;
  const double right_;
  std::vector<std::vector<TokenId>> known_;
};

model::RunnerLimits random_limits(Dice& dice, SimKind kind) {
  const uint32_t context = dice.roll(40, 300), sequences = dice.roll(1, 6);
  const uint32_t full = kv::pages_for(context);
  const uint32_t pages = dice.chance(0.5) ? full + dice.roll(0, 4) : full * sequences + dice.roll(0, 20);
  auto limits = sim_limits(kVocab, context, sequences, dice.roll(sequences, 96), pages);
  limits.logit_rows_max = sequences + dice.roll(0, 40);
  remember_by(kind, dice, limits);
  return limits;
}

struct Totals {
  uint64_t tokens = 0, proposed = 0, preemptions = 0;
};

void run_seed(uint64_t seed, SimKind kind, Totals& totals) {
  Dice dice(seed);
  const auto limits = random_limits(dice, kind);
  const auto work = seed % 2 == 0 ? SimOptions::Work::kAtLaunch : SimOptions::Work::kLate;
  SimRunner runner({.limits = limits, .seed = seed, .kind = kind, .work = work});
  Oracle oracle(seed, 0.2 * dice.roll(0, 5));
  engine::EngineOptions options;
  options.prefix_cache = dice.chance(0.75);
  options.drafts = &oracle;
  Desk desk(runner, options);
  const SimModel model = sim_model(seed, limits);
  struct Asked {
    std::shared_ptr<RecordingSink> sink;
    Answer alone;
  };
  std::vector<Asked> asked;
  const uint32_t jobs = dice.roll(1, 10);
  for (uint32_t i = 0; i < jobs; ++i) {
    Job job = random_job(dice, kVocab, limits.context_max);
    if (dice.chance(0.2)) job.answers = dice.roll(2, 4);
    for (uint32_t n = 0; n < job.answers; ++n) {
      asked.push_back({nullptr, answer_alone(model, job, limits.context_max, n)});
      oracle.learn(job, asked.back().alone);
    }
    auto at = asked.end() - job.answers;
    if (job.answers > 1)
      for (const auto& sink : desk.add_all(job)) (at++)->sink = sink;
    else
      at->sink = desk.add(job, dice.chance(0.2) ? dice.roll(1, 10) : 0);
    for (uint32_t steps = dice.roll(0, 20); steps > 0; --steps) desk.core.step();
  }
  while (desk.core.step()) {
    desk.core.check();
    for (const auto& [what, pool, index] : desk.core.memory().list_unused()) runner.poison(what, pool, index);
  }
  for (size_t i = 0; i < asked.size(); ++i) {
    const Answer& heard = asked[i].sink->answer();
    ASSERT_EQ(difference(asked[i].alone, heard), "") << "seed " << seed << " answer " << i;
    ASSERT_NE(heard.finish, FinishReason::kNone) << "seed " << seed << " answer " << i;
    ASSERT_NE(heard.finish, FinishReason::kError) << "seed " << seed << " answer " << i;
  }
  ASSERT_EQ(desk.core.memory().available(), limits.pages) << "seed " << seed;
  totals.tokens += desk.core.stats().generated_tokens;
  totals.preemptions += desk.core.stats().preemptions;
  totals.proposed += oracle.proposed;
}

Totals run_seeds(SimKind kind, uint64_t seeds_default) {
  const char* wish = std::getenv("GANTRY_SIM_SEEDS");
  const uint64_t seeds = wish != nullptr ? std::strtoull(wish, nullptr, 10) : seeds_default;
  Totals totals;
  for (uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed)
    run_seed(seed, kind, totals);
  std::printf("%llu seeds: %llu tokens, %llu guesses, %llu preemptions\n",
              static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(totals.tokens),
              static_cast<unsigned long long>(totals.proposed),
              static_cast<unsigned long long>(totals.preemptions));
  return totals;
}

TEST(SimVerify, AnswersOutOfPagesAreTheOnesAlone) {
  const Totals totals = run_seeds(SimKind::kPages, 600);
  EXPECT_GT(totals.proposed, totals.tokens / 10);
}

TEST(SimVerify, AnswersOutOfWindowsAreTheOnesAlone) {
  const Totals totals = run_seeds(SimKind::kWindows, 400);
  EXPECT_GT(totals.proposed, totals.tokens / 20);
}

// A state has no way back but a checkpoint, so that next to nothing is guessed.
TEST(SimVerify, AnswersOutOfAStateAreTheOnesAlone) { run_seeds(SimKind::kState, 200); }

TEST(SimVerify, AnswersOutOfPagesAndAStateAreTheOnesAlone) { run_seeds(SimKind::kBoth, 200); }

// One job of 60 tokens; the steps that it takes.
uint64_t steps_with(double right) {
  SimOptions machine{.limits = sim_limits(kVocab, 256, 1, 64, 8), .seed = 3};
  machine.limits.logit_rows_max = 1 + engine::kDraftMax;
  SimRunner runner(machine);
  Job job = greedy(40, 60);
  const Answer alone = answer_alone({3, kVocab}, job, 256);
  Oracle oracle(1, right);
  oracle.learn(job, alone);
  engine::EngineOptions options;
  options.drafts = &oracle;
  Desk desk(runner, options);
  const auto sink = desk.add(job);
  desk.run();
  EXPECT_EQ(difference(alone, sink->answer()), "");
  EXPECT_EQ(sink->answer().tokens.size(), 60u);
  return runner.steps();
}

TEST(SimVerify, RightGuessesSaveStepsAndWrongOnesCostNone) {
  EXPECT_EQ(steps_with(1), 1 + 4u) << "one token of the prompt, then 17, 17, 17 and 8";
  const uint64_t steps = steps_with(0);
  EXPECT_LE(steps, 60u);
  EXPECT_GT(steps, 50u) << "now and then what is guessed blindly is right";
}

}  // namespace
}  // namespace gantry::sim
