// Pages are shared out among clients: who asks for little waits for no long answer of somebody else, and who
// asks for much gets it in the end.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/sim_desk.h"
#include "tests/sim/sim_jobs.h"
#include "tests/sim/sim_runner.h"

namespace gantry::sim {
namespace {

using engine::Job;

constexpr uint32_t kVocab = 64, kContext = 1024, kPages = kContext / kPageTokens;

Job job_of(uint64_t client, TokenId first, size_t prompt, uint32_t tokens_max) {
  Job job = greedy(prompt, tokens_max);
  job.prompt[0] = first;
  job.client = client;
  return job;
}

// What was asked, who listens, and how many steps it took.
struct Asked {
  Job job;
  std::shared_ptr<RecordingSink> sink;
  uint32_t steps = 0;
};

class Shares : public ::testing::TestWithParam<bool> {
 protected:
  static constexpr uint64_t kSeed = 3;
  Asked ask(Job job) {
    auto sink = desk_.add(job);
    return {std::move(job), std::move(sink)};
  }
  void step(std::vector<Asked*> all) {
    ASSERT_TRUE(desk_.core.step());
    desk_.core.check();
    for (Asked* asked : all)
      if (!asked->sink->finished()) ++asked->steps;
  }
  // Contract E, whatever happened on the way.
  void expect_answer(const Asked& asked) {
    EXPECT_EQ(difference(answer_alone({kSeed, kVocab}, asked.job, kContext), asked.sink->answer()), "");
    EXPECT_EQ(asked.sink->answer().finish, engine::FinishReason::kLength);
  }
  static engine::EngineOptions options() {
    engine::EngineOptions options;
    options.prefix_cache = GetParam();
    return options;
  }

  SimRunner runner_{{.limits = sim_limits(kVocab, kContext, 8, 64, kPages), .seed = kSeed}};
  Desk desk_{runner_, options()};
};

// A single answer that has all pages but one gives them up and goes on later.
TEST_P(Shares, ASmallJobDoesNotWaitForTheEndOfALongOne) {
  Asked large = ask(job_of(1, 1, 700, 324));
  while (desk_.core.memory().available() > 1) step({&large});
  ASSERT_FALSE(large.sink->finished());
  Asked small = ask(job_of(2, 2, 20, 30));
  while (!small.sink->finished()) step({&large, &small});
  EXPECT_FALSE(large.sink->finished());
  EXPECT_LE(small.steps, 60u);
  desk_.run();
  expect_answer(small);
  expect_answer(large);
}

// Of many long answers of one client those beyond his share make room.
TEST_P(Shares, OneOfManyLongAnswersMakesRoom) {
  std::vector<Asked> large;
  for (TokenId n = 0; n < 4; ++n) large.push_back(ask(job_of(1, n, 250, 700)));
  while (desk_.core.memory().available() > 0) step({});
  Asked small = ask(job_of(2, 9, 200, 200));
  while (!small.sink->finished()) step({&small});
  EXPECT_LE(small.steps, 280u);
  EXPECT_FALSE(large[0].sink->finished());
  desk_.run();
  expect_answer(small);
  for (const Asked& asked : large) expect_answer(asked);
}

// Clients who always have more to ask, each for up to all of the pages, and one who now and then asks for
// little.
TEST_P(Shares, TheWaitOfASmallJobIsBounded) {
  constexpr uint32_t kSteps = 6'000;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    Desk desk(runner_, options());
    const uint32_t greedy_clients = dice.roll(1, 4);
    std::vector<Asked> large, small;
    uint32_t longest = 0;
    const auto going = [](const std::vector<Asked>& all, uint64_t client) {
      return std::ranges::count_if(
          all, [&](const Asked& a) { return a.job.client == client && !a.sink->finished(); });
    };
    for (uint32_t n = 0; n < kSteps; ++n) {
      for (uint64_t client = 1; client <= greedy_clients; ++client)
        while (going(large, client) < 3) {
          const uint32_t prompt = dice.roll(1, 900);
          Job job = job_of(client, static_cast<TokenId>(dice.roll(0, 60)), prompt, kContext - prompt);
          auto sink = desk.add(job);
          large.push_back({std::move(job), std::move(sink)});
        }
      if (going(small, 9) == 0 && dice.chance(0.05)) {
        Job job = job_of(9, 61, dice.roll(1, 40), dice.roll(1, 20));
        auto sink = desk.add(job);
        small.push_back({std::move(job), std::move(sink)});
      }
      ASSERT_TRUE(desk.core.step());
      if (n % 16 == 0) desk.core.check();
      for (Asked& asked : small)
        if (!asked.sink->finished()) longest = std::max(longest, ++asked.steps);
    }
    const auto ended = std::ranges::count_if(large, [](const Asked& a) { return a.sink->finished(); });
    EXPECT_GT(small.size(), 20u);
    // A long answer alone takes a thousand.
    EXPECT_LE(longest, 400u);
    // Who asks for much is not starved.
    EXPECT_GE(ended, 7);
    while (desk.core.step()) desk.core.check();
    for (const auto& all : {large, small})
      for (const Asked& asked : all) expect_answer(asked);
  }
}

INSTANTIATE_TEST_SUITE_P(Cache, Shares, ::testing::Bool(),
                         [](const auto& kind) { return kind.param ? "Kept" : "Off"; });

}  // namespace
}  // namespace gantry::sim
