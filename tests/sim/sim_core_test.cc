// Seeded random life of an engine, step by step on one thread: jobs arrive, are cancelled, lose their
// listeners, in machines of every size. Each answer must be the one of the job alone, and all that must hold
// is checked after every step. GANTRY_SIM_SEEDS sets how many seeds are run.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "engine/core.h"
#include "tests/sim/sim_jobs.h"
#include "tests/sim/sim_runner.h"

namespace gantry::sim {
namespace {

using engine::FinishReason;

struct Totals {
  uint64_t steps = 0, rows = 0, tokens = 0, preemptions = 0, cached = 0, fetched = 0, done = 0, cancelled = 0;
};

struct Life {
  engine::Job job;  // with its prompt
  struct Asked {
    std::shared_ptr<RecordingSink> sink;
    std::shared_ptr<std::atomic<bool>> cancelled = nullptr;
    uint64_t cancel_at = 0;  // 0: never
  };
  std::vector<Asked> answers;
  uint64_t arrives = 0;
  uint32_t end = 0;
};

enum class Host : uint8_t { kNone, kSome };

model::RunnerLimits random_limits(Dice& dice, SimKind kind, Host host) {
  const uint32_t context = dice.roll(40, kind == SimKind::kPages ? 260 : 700);
  const uint32_t sequences = dice.roll(1, 8);
  const uint32_t full = kv::pages_for(context);
  // From room for a single sequence to plenty.
  const uint32_t pages = dice.chance(0.6) ? full + dice.roll(0, 4) : full * sequences + dice.roll(0, 20);
  auto limits = sim_limits(61, context, sequences, dice.roll(1, 96), pages);
  if (dice.chance(0.3)) limits.adapters = 2;
  if (dice.chance(0.2)) limits.logit_rows_max = dice.roll(1, sequences);
  remember_by(kind, dice, limits);
  if (host == Host::kSome) limits.host = random_host(dice, limits);
  return limits;
}

std::vector<Life> random_lives(Dice& dice, const model::RunnerLimits& limits) {
  std::vector<Life> lives(dice.roll(1, 14));
  const uint32_t spread = dice.roll(0, 200);
  for (Life& life : lives) {
    life.job = random_job(dice, limits.vocab, limits.context_max, limits.adapters);
    if (dice.chance(0.3)) life.job.answers = dice.roll(2, 6);
    life.arrives = dice.roll(0, spread);
    for (uint32_t i = 0; i < life.job.answers; ++i) {
      life.answers.push_back({std::make_shared<RecordingSink>(dice.chance(0.1) ? dice.roll(1, 10) : 0)});
      if (dice.chance(0.15)) life.answers.back().cancel_at = life.arrives + dice.roll(1, 60);
    }
  }
  return lives;
}

// Rows that the jobs would take if nothing were shared, cached or cut short. The oldest job gains one in
// every step, so this many steps are enough for all.
uint64_t steps_enough(const std::vector<Life>& lives, const model::RunnerLimits& limits) {
  uint64_t rows = 0, last = 0;
  for (const Life& life : lives) {
    const uint32_t answer = life.job.tokens_max == 0 ? limits.context_max : life.job.tokens_max;
    rows += life.job.answers * std::min<uint64_t>(life.job.prompt.size() + answer, limits.context_max);
    last = std::max(last, life.arrives);
  }
  return rows + last + 2;  // the last one is landed in a call of its own
}

void arrive(Life& life, const model::RunnerLimits& limits, JobId& next_id, engine::EngineCore& core) {
  std::vector<std::shared_ptr<engine::TokenSink>> sinks;
  for (const Life::Asked& asked : life.answers) sinks.push_back(asked.sink);
  engine::Job job = life.job;
  auto sequence = engine::make_sequence(std::move(job), std::move(sinks), limits);
  sequence->take_ids(next_id);
  next_id += sequence->answers();
  life.answers[0].cancelled = sequence->cancelled;
  for (size_t i = 0; i < sequence->followers.size(); ++i)
    life.answers[i + 1].cancelled = sequence->followers[i]->cancelled;
  core.add(std::move(sequence));
}

void run_seed(uint64_t seed, SimKind kind, Host host, Totals& totals) {
  Dice dice(seed);
  const auto limits = random_limits(dice, kind, host);
  engine::EngineOptions options;
  options.prefix_cache = dice.chance(0.75);
  options.step_rows = dice.chance(0.5) ? dice.roll(1, limits.rows_max) : 0;
  const uint64_t hash_mask = dice.chance(0.3) ? 3 : ~uint64_t{0};
  auto lives = random_lives(dice, limits);
  const auto work = seed % 2 == 0 ? SimOptions::Work::kAtLaunch : SimOptions::Work::kLate;
  SimRunner runner({.limits = limits, .seed = seed, .kind = kind, .work = work});
  engine::EngineCore core(runner, options, hash_mask);
  const uint64_t enough = steps_enough(lives, limits);

  size_t arrived = 0;
  JobId next_id = 1;
  for (uint64_t step = 0; arrived < lives.size() || !core.idle(); ++step) {
    ASSERT_LE(step, enough) << "somebody starves, seed " << seed;
    for (Life& life : lives) {
      if (life.arrives == step) {
        arrive(life, limits, next_id, core);
        ++arrived;
      }
      for (const Life::Asked& asked : life.answers)
        if (asked.cancel_at == step && asked.cancelled) asked.cancelled->store(true);
    }
    std::vector<const RecordingSink*> unwanted;
    for (const Life& life : lives)
      for (const Life::Asked& asked : life.answers)
        if (asked.cancelled && asked.cancelled->load()) unwanted.push_back(asked.sink.get());
    core.step();
    core.check();
    for (const auto& [what, pool, place] : core.memory().list_unused()) runner.poison(what, pool, place);
    for (const RecordingSink* sink : unwanted) ASSERT_TRUE(sink->finished()) << "seed " << seed;
  }
  EXPECT_EQ(core.memory().available(), limits.pages) << "seed " << seed;

  const SimModel model = sim_model(seed, limits);
  uint64_t answers = 0;
  for (size_t i = 0; i < lives.size(); ++i)
    for (uint32_t n = 0; n < lives[i].job.answers; ++n, ++answers) {
      const Answer alone = answer_alone(model, lives[i].job, limits.context_max, n);
      const Answer& heard = lives[i].answers[n].sink->answer();
      ASSERT_EQ(difference(alone, heard), "") << "seed " << seed << " job " << i << " answer " << n;
      ASSERT_NE(heard.finish, FinishReason::kError) << "seed " << seed << " job " << i;
    }
  EXPECT_EQ(core.finished().size(), answers);
  const auto stats = core.stats();
  EXPECT_EQ(stats.jobs_done + stats.jobs_cancelled, answers);
  totals.steps += stats.steps;
  totals.rows += stats.rows;
  totals.tokens += stats.generated_tokens;
  totals.preemptions += stats.preemptions;
  totals.cached += stats.cached_tokens;
  totals.fetched += stats.fetched;
  totals.done += stats.jobs_done;
  totals.cancelled += stats.jobs_cancelled;
}

Totals run_seeds(SimKind kind, uint64_t seeds_default, Host host = Host::kNone) {
  const char* wish = std::getenv("GANTRY_SIM_SEEDS");
  const uint64_t seeds = wish != nullptr ? std::strtoull(wish, nullptr, 10) : seeds_default;
  Totals totals;
  for (uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed)
    run_seed(seed, kind, host, totals);
  std::printf(
      "%llu seeds: %llu steps, %llu rows, %llu tokens, %llu cached, %llu brought back, %llu preemptions, "
      "%llu done, %llu cancelled\n",
      static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(totals.steps),
      static_cast<unsigned long long>(totals.rows), static_cast<unsigned long long>(totals.tokens),
      static_cast<unsigned long long>(totals.cached), static_cast<unsigned long long>(totals.fetched),
      static_cast<unsigned long long>(totals.preemptions), static_cast<unsigned long long>(totals.done),
      static_cast<unsigned long long>(totals.cancelled));
  // The seeds reach what they are for.
  EXPECT_GT(totals.preemptions, seeds / 10);
  EXPECT_GT(totals.cached, seeds * 10);
  EXPECT_GT(totals.cancelled, seeds / 10);
  EXPECT_GE(totals.fetched, host == Host::kSome ? seeds / 4 : 0);
  return totals;
}

TEST(SimCore, EveryAnswerIsTheOneOfTheJobAlone) { run_seeds(SimKind::kPages, 2000); }

TEST(SimCore, ToldFromTheStateAlone) { run_seeds(SimKind::kState, 500); }

TEST(SimCore, ToldFromPagesAndStateWhichMustAgree) { run_seeds(SimKind::kBoth, 400); }

TEST(SimCore, ToldFromWindowsThatForget) { run_seeds(SimKind::kWindows, 400); }

// What makes room moves to the host and comes back: the same answers.
TEST(SimCore, WithPagesOnTheHost) { run_seeds(SimKind::kPages, 1000, Host::kSome); }

TEST(SimCore, WithStatesOnTheHost) { run_seeds(SimKind::kState, 1000, Host::kSome); }

TEST(SimCore, WithPagesAndStatesOnTheHost) { run_seeds(SimKind::kBoth, 1000, Host::kSome); }

TEST(SimCore, WithPagesOfWindowsOnTheHost) { run_seeds(SimKind::kWindows, 1000, Host::kSome); }

}  // namespace
}  // namespace gantry::sim
