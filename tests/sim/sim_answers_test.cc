// Several answers to one prompt: it is computed once, and each answer is the one of its seed alone.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/windows.h"
#include "tests/sim/sim_desk.h"
#include "tests/sim/sim_jobs.h"
#include "tests/sim/sim_runner.h"

namespace gantry::sim {
namespace {

using engine::FinishReason;
using engine::Job;

constexpr uint32_t kVocab = 61, kContext = 512, kSequences = 6;
constexpr uint64_t kSeed = 11;

SimOptions machine(SimKind kind, uint32_t pages) {
  SimOptions options{
      .limits = sim_limits(kVocab, kContext, kSequences, 48, pages), .seed = kSeed, .kind = kind};
  options.limits.recurrent = kind == SimKind::kState || kind == SimKind::kBoth;
  if (options.limits.recurrent) options.limits.checkpoints = 12;
  if (kind == SimKind::kWindows) options.limits.windows = {{40, kSequences * window_share(40, 48)}};
  return options;
}

Job job_of(uint32_t prompt, uint32_t tokens_max, uint32_t answers) {
  Job job;
  for (uint32_t i = 0; i < prompt; ++i) job.prompt.push_back(static_cast<TokenId>(i * 7 % kVocab));
  job.tokens_max = tokens_max;
  job.answers = answers;
  job.sampling.seed = 5;
  return job;
}

void expect_alone(const SimOptions& machine, const Job& job,
                  const std::vector<std::shared_ptr<RecordingSink>>& sinks) {
  const SimModel model = sim_model(machine.seed, machine.limits);
  for (uint32_t i = 0; i < sinks.size(); ++i) {
    EXPECT_TRUE(sinks[i]->finished()) << i;
    EXPECT_EQ(difference(answer_alone(model, job, kContext, i), sinks[i]->answer()), "") << i;
  }
}

TEST(SimAnswers, TheirPromptIsComputedOnce) {
  for (const SimKind kind : {SimKind::kPages, SimKind::kState, SimKind::kBoth, SimKind::kWindows})
    for (const uint32_t prompt : {1u, 20u, 64u, 100u, 200u})
      for (const bool cache : {true, false}) {
        SCOPED_TRACE("kind " + std::to_string(static_cast<int>(kind)) + ", prompt of " +
                     std::to_string(prompt));
        const SimOptions options = machine(kind, 80);
        SimRunner runner(options);
        Desk desk(runner, {.prefix_cache = cache});
        const Job job = job_of(prompt, 40, 5);
        const auto sinks = desk.add_all(job);
        EXPECT_EQ(desk.core.stats().waiting, 5u);
        desk.run();
        expect_alone(options, job, sinks);
        EXPECT_NE(sinks[0]->answer().tokens, sinks[1]->answer().tokens);
        EXPECT_EQ(desk.core.stats().rows, prompt + 5 * 39u) << "the last token is not fed back";
        for (size_t i = 0; i < 5; ++i) EXPECT_EQ(sinks[i]->answer().cached_tokens, i == 0 ? 0u : prompt) << i;
        EXPECT_EQ(desk.core.stats().jobs_done, 5u);
        EXPECT_EQ(desk.core.memory().available(), 80u);
      }
}

TEST(SimAnswers, OneTokenOfEachTakesNoStepOfItsOwn) {
  SimRunner runner(machine(SimKind::kPages, 80));
  Desk desk(runner);
  const Job job = job_of(30, 1, 6);
  const auto sinks = desk.add_all(job);
  desk.run();
  EXPECT_EQ(runner.steps(), 1u);
  expect_alone(machine(SimKind::kPages, 80), job, sinks);
}

// More of them than places, or than pages: those without wait, and find the prompt in the cache.
TEST(SimAnswers, WhereThereIsNoRoomTheyWaitForTheirTurn) {
  for (const SimKind kind : {SimKind::kPages, SimKind::kBoth, SimKind::kWindows})
    for (const uint32_t pages : {16u, 17u, 20u, 80u}) {
      SCOPED_TRACE("kind " + std::to_string(static_cast<int>(kind)) + ", pages " + std::to_string(pages));
      const SimOptions options = machine(kind, pages);
      SimRunner runner(options);
      Desk desk(runner);
      const Job job = job_of(100, 150, 20), other = job_of(50, 30, 1);
      const auto sinks = desk.add_all(job);
      const auto after = desk.add_all(other);
      desk.run();
      expect_alone(options, job, sinks);
      expect_alone(options, other, after);
      EXPECT_EQ(desk.core.memory().available(), pages);
    }
}

// They have their places: nobody who came later takes them.
TEST(SimAnswers, WhoComesLaterIsAdmittedBehindThem) {
  SimRunner runner(machine(SimKind::kPages, 80));
  Desk desk(runner);
  const auto sinks = desk.add_all(job_of(200, 20, kSequences));
  const auto later = desk.add(job_of(10, 20, 1));
  desk.core.step();
  EXPECT_EQ(desk.core.scheduler().running().size(), 1u);
  EXPECT_EQ(desk.core.stats().waiting, kSequences - 1 + 1u);
  while (desk.core.scheduler().running().size() < kSequences) ASSERT_TRUE(desk.core.step());
  EXPECT_EQ(desk.core.stats().waiting, 1u);
  EXPECT_TRUE(later->answer().tokens.empty());
  desk.run();
  EXPECT_EQ(later->answer().finish, FinishReason::kLength);
}

// The first to be asked computes the prompt for all; when it is called off, the next one does.
TEST(SimAnswers, WhenOneIsCalledOffTheOthersGoOn) {
  const SimOptions options = machine(SimKind::kBoth, 80);
  for (const uint32_t steps : {0u, 1u, 2u, 3u, 6u, 20u})
    for (uint32_t gone = 0; gone < 4; ++gone) {
      SCOPED_TRACE(std::to_string(gone) + " after " + std::to_string(steps));
      SimRunner runner(options);
      Desk desk(runner);
      const Job job = job_of(200, 30, 4);
      std::vector<std::shared_ptr<RecordingSink>> sinks;
      std::vector<std::shared_ptr<engine::TokenSink>> asked;
      for (int i = 0; i < 4; ++i) asked.push_back(sinks.emplace_back(std::make_shared<RecordingSink>()));
      Job copy = job;
      auto sequence = engine::make_sequence(std::move(copy), asked, options.limits);
      sequence->take_ids(1);
      const auto cancelled = gone == 0 ? sequence->cancelled : sequence->followers[gone - 1]->cancelled;
      desk.core.add(std::move(sequence));
      for (uint32_t n = 0; n < steps; ++n) desk.core.step();
      cancelled->store(true);
      desk.core.step();
      EXPECT_TRUE(sinks[gone]->finished());
      desk.run();
      for (uint32_t i = 0; i < 4; ++i)
        EXPECT_EQ(sinks[i]->answer().finish, i == gone ? FinishReason::kCancelled : FinishReason::kLength)
            << i;
      expect_alone(options, job, sinks);
      EXPECT_EQ(desk.core.stats().jobs_cancelled, 1u);
      EXPECT_EQ(desk.core.memory().available(), 80u);
    }
}

TEST(SimAnswers, AllOfThemEndWithTheDevice) {
  for (uint64_t step = 1; step < 12; ++step) {
    SimOptions options = machine(SimKind::kPages, 80);
    options.fail_at_step = step;
    SimRunner runner(options);
    Desk desk(runner);
    const auto sinks = desk.add_all(job_of(200, 30, 4));
    while (desk.core.step()) {
    }
    for (const auto& sink : sinks) EXPECT_EQ(sink->answer().error, ErrorCode::kDevice);
    EXPECT_EQ(desk.core.stats().jobs_failed, 4u);
    const auto late = desk.add_all(job_of(20, 3, 3));
    for (const auto& sink : late) EXPECT_EQ(sink->answer().error, ErrorCode::kDevice);
  }
}

TEST(SimAnswers, AsManyAsAJobMayHave) {
  SimRunner runner(machine(SimKind::kPages, 80));
  Desk desk(runner);
  EXPECT_EQ(desk.add_all(job_of(3, 2, engine::kAnswersMax)).size(), engine::kAnswersMax);
  desk.run();
  EXPECT_EQ(desk.core.stats().jobs_done, engine::kAnswersMax);
  EXPECT_THROW(desk.add_all(job_of(3, 2, engine::kAnswersMax + 1)), Error);
  EXPECT_THROW(desk.add_all(job_of(3, 2, 0)), Error);
}

}  // namespace
}  // namespace gantry::sim
