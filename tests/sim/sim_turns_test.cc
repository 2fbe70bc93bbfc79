// Whose turn it is: priorities, who gives way when pages run out, and when a job's time is up.
#include <algorithm>
#include <chrono>
#include <functional>
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
using engine::Phase;
using engine::Sequence;

constexpr uint32_t kVocab = 64;

TEST(SimTurns, HigherPriorityIsAdmittedFirstAndGivesWayLast) {
  SimRunner runner({.limits = sim_limits(kVocab, 256, 1, 64, 8)});
  Desk desk(runner);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  const auto running = desk.add(greedy(3, 10));
  desk.core.step();
  for (const int priority : {0, -1, 2, 2, 1}) {
    Job job = greedy(3, 3);
    job.priority = priority;
    sinks.push_back(desk.add(job));
  }
  std::vector<size_t> ended;
  while (desk.core.step()) {
    desk.core.check();
    for (size_t i = 0; i < sinks.size(); ++i)
      if (sinks[i]->finished() && std::ranges::count(ended, i) == 0) ended.push_back(i);
  }
  EXPECT_EQ(running->answer().tokens.size(), 10u) << "what runs is not cut for it";
  EXPECT_EQ(ended, (std::vector<size_t>{2, 3, 4, 0, 1}));
}

// A job of another prompt than its neighbours'.
Job job_of(TokenId first, size_t prompt, uint32_t tokens_max, int32_t priority = 0) {
  Job job = greedy(prompt, tokens_max);
  job.prompt[0] = first;
  job.priority = priority;
  return job;
}

TEST(SimTurns, ALowPriorityGivesItsPagesUpAndLosesNothing) {
  constexpr uint64_t kSeed = 5;
  SimRunner runner({.limits = sim_limits(kVocab, 256, 3, 64, 8), .seed = kSeed});
  Desk desk(runner);
  const Job low = job_of(1, 40, 150, -1), high = job_of(2, 40, 150, 1);
  const auto low_sink = std::make_shared<RecordingSink>();
  const JobId low_id = desk.take(low, low_sink);
  for (int n = 0; n < 20; ++n) desk.core.step();
  const auto high_sink = desk.add(high);
  bool gave_way = false;
  while (!high_sink->finished()) {
    ASSERT_TRUE(desk.core.step());
    desk.core.check();
    const Sequence* s = desk.find(low_id);
    ASSERT_NE(s, nullptr);
    gave_way = gave_way || (s->preempted && s->slot < 0);
  }
  EXPECT_TRUE(gave_way) << "though it came first";
  EXPECT_GT(low_sink->answer().tokens.size(), 20u);
  desk.run();
  const SimModel model{kSeed, kVocab};
  EXPECT_EQ(difference(answer_alone(model, low, 256), low_sink->answer()), "");
  EXPECT_EQ(difference(answer_alone(model, high, 256), high_sink->answer()), "");
  EXPECT_EQ(low_sink->answer().tokens.size(), 150u);
}

engine::Clock::time_point now;  // of the tests below

TEST(SimTurns, ADeadlinePassesWhileWaitingOrRunning) {
  SimRunner runner({.limits = sim_limits(kVocab, 256, 1, 64, 8)});
  engine::EngineOptions options;
  options.clock = [] { return now; };
  Desk desk(runner, options);
  Job job = greedy(3, 100);
  job.deadline_ms = 50;
  const auto runs = desk.add(job), waits = desk.add(job);
  job.deadline_ms = 0;
  job.tokens_max = 2;
  const auto patient = desk.add(job);
  for (int n = 0; n < 10; ++n) desk.core.step();
  now += std::chrono::milliseconds(49);
  desk.core.step();
  EXPECT_FALSE(runs->finished());
  now += std::chrono::milliseconds(1);
  desk.core.step();
  for (const auto& late : {runs, waits}) {
    EXPECT_EQ(late->answer().finish, FinishReason::kError);
    EXPECT_EQ(late->answer().error, ErrorCode::kTimeout);
  }
  EXPECT_GT(runs->answer().tokens.size(), 5u) << "what was said before stands";
  desk.run();
  EXPECT_EQ(patient->answer().finish, FinishReason::kLength);
  EXPECT_EQ(desk.core.stats().jobs_failed, 2u);
}

// The job and what stands before it, and how to tell that it has come where it is to be late.
struct Situation {
  const char* name;
  std::vector<Job> before;
  Job job;
  std::function<bool(const Sequence*)> reached;
};

Job embedding(size_t prompt) {
  Job job = greedy(prompt, 1);
  job.wanted = engine::Wanted::kEmbedding;
  return job;
}

std::vector<Situation> situations() {
  const auto on_its_way = [](const Sequence* s) { return s->due && s->size() + 1 == s->end; };
  return {
      {"waits for a slot",
       {job_of(1, 3, 90), job_of(2, 3, 90)},
       greedy(3, 9),
       [](const Sequence* s) { return s->slot < 0 && !s->preempted; }},
      {"between two slices of its prompt",
       {},
       greedy(100, 9),
       [](const Sequence* s) { return s->phase == Phase::kPrefill && s->written > 20 && s->under_way; }},
      {"waits for a page that its twin writes",
       {greedy(100, 9)},
       greedy(100, 9),
       [](const Sequence* s) { return s->slot >= 0 && !s->under_way && s->written == 0; }},
      {"decodes",
       {},
       greedy(3, 90),
       [](const Sequence* s) { return s->phase == Phase::kDecode && s->size() > 6; }},
      {"waits, preempted",
       {job_of(1, 31, 200)},
       job_of(2, 31, 200),
       [](const Sequence* s) { return s->slot < 0 && s->preempted; }},
      {"its last token is on its way", {}, greedy(3, 3), on_its_way},
      {"its embedding is on its way", {}, embedding(20), on_its_way},
  };
}

TEST(SimTurns, ADeadlineHoldsInEveryPhase) {
  for (const Situation& situation : situations()) {
    SCOPED_TRACE(situation.name);
    SimOptions machine{.limits = sim_limits(kVocab, 256, 2, 16, 8)};
    machine.limits.width = 4;
    SimRunner runner(machine);
    engine::EngineOptions options;
    options.clock = [] { return now; };
    Desk desk(runner, options);
    std::vector<std::shared_ptr<RecordingSink>> others;
    for (const Job& job : situation.before) others.push_back(desk.add(job));
    Job job = situation.job;
    job.deadline_ms = 50;
    const auto sink = std::make_shared<RecordingSink>();
    const JobId id = desk.take(job, sink);
    for (int n = 0; n < 500 && !situation.reached(desk.find(id)); ++n) desk.core.step();
    ASSERT_TRUE(situation.reached(desk.find(id)));
    ASSERT_FALSE(sink->finished());
    now += std::chrono::milliseconds(50);
    desk.core.step();
    EXPECT_EQ(sink->answer().finish, FinishReason::kError);
    EXPECT_EQ(sink->answer().error, ErrorCode::kTimeout);
    EXPECT_EQ(desk.find(id), nullptr);
    desk.core.check();
    desk.run();
    for (const auto& other : others) EXPECT_EQ(other->answer().finish, FinishReason::kLength);
    EXPECT_EQ(desk.core.memory().available(), 8u);
    EXPECT_EQ(desk.core.stats().jobs_failed, 1u);
  }
}

}  // namespace
}  // namespace gantry::sim
