// What a sink hears: one job at a time or a few, each event by name.
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/sim_desk.h"
#include "tests/sim/sim_jobs.h"
#include "tests/sim/sim_runner.h"

namespace gantry::sim {
namespace {

using engine::FinishReason;
using engine::Job;

constexpr uint32_t kVocab = 64;

// Says the number of tokens so far, modulo the vocabulary.
SimOptions counting() {
  return {.limits = sim_limits(kVocab, 256, 4, 64, 40), .say = [](std::span<const TokenId> tokens) {
            return static_cast<TokenId>(tokens.size() % kVocab);
          }};
}

TEST(SimEvents, TokensComeInOrderUntilTheLimit) {
  SimRunner runner(counting());
  Desk desk(runner);
  const auto sink = desk.add(greedy(3, 4));
  desk.run();
  EXPECT_EQ(sink->answer().tokens, (std::vector<TokenId>{3, 4, 5, 6}));
  EXPECT_EQ(sink->answer().finish, FinishReason::kLength);
  EXPECT_EQ(runner.steps(), 4u);  // the last token is not fed back
  const auto stats = desk.core.stats();
  EXPECT_EQ(stats.prompt_tokens, 3u);
  EXPECT_EQ(stats.generated_tokens, 4u);
  EXPECT_EQ(stats.rows, 6u);
  EXPECT_EQ(stats.jobs_done, 1u);
}

TEST(SimEvents, AStopTokenIsTheLastAndBeatsTheLimit) {
  SimRunner runner(counting());
  Desk desk(runner);
  Job job = greedy(3, 3);
  job.stop_tokens = {60, 5};
  const auto sink = desk.add(job);
  desk.run();
  EXPECT_EQ(sink->answer().tokens, (std::vector<TokenId>{3, 4, 5}));
  EXPECT_EQ(sink->answer().finish, FinishReason::kStop);
}

TEST(SimEvents, TheContextIsALimitToo) {
  SimRunner runner(counting());
  Desk desk(runner);
  const auto open = desk.add(greedy(250, 0)), last = desk.add(greedy(255, 100));
  desk.run();
  EXPECT_EQ(open->answer().tokens.size(), 6u);
  EXPECT_EQ(last->answer().tokens.size(), 1u);
  EXPECT_EQ(open->answer().finish, FinishReason::kLength);
  EXPECT_EQ(last->answer().finish, FinishReason::kLength);
}

TEST(SimEvents, ASinkThatLeavesHearsOneLastWord) {
  SimRunner runner(counting());
  Desk desk(runner);
  const auto gone = desk.add(greedy(3, 100), 2), stays = desk.add(greedy(3, 5));
  desk.run();
  EXPECT_EQ(gone->answer().tokens.size(), 2u);
  EXPECT_EQ(gone->answer().finish, FinishReason::kCancelled);
  EXPECT_EQ(stays->answer().tokens.size(), 5u);
  EXPECT_EQ(desk.core.stats().jobs_cancelled, 1u);
}

class ThrowingSink final : public engine::TokenSink {
 public:
  bool on_token(const engine::TokenEvent&) override { throw std::runtime_error("broken"); }
};

TEST(SimEvents, ASinkThatThrowsLosesItsOwnJobOnly) {
  SimRunner runner(counting());
  Desk desk(runner);
  desk.take(greedy(3, 5), std::make_shared<ThrowingSink>());
  const auto other = desk.add(greedy(3, 5));
  while (desk.core.step()) {
  }
  EXPECT_EQ(other->answer().tokens.size(), 5u);
  EXPECT_EQ(desk.core.stats().jobs_cancelled, 1u);
  EXPECT_EQ(desk.core.memory().available(), 40u);
}

TEST(SimEvents, EqualPromptsShareTheirPages) {
  SimRunner runner({.limits = sim_limits(kVocab, 256, 4, 64, 40)});
  Desk desk(runner);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    Job job = greedy(100, 3);
    job.sampling.temperature = 1;
    job.sampling.seed = seed;
    sinks.push_back(desk.add(job));
  }
  desk.run();
  EXPECT_EQ(sinks[0]->answer().cached_tokens, 0u);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(sinks[i]->answer().cached_tokens, 96u);
  EXPECT_EQ(desk.core.stats().rows, 100u + 3 * 4 + 4 * 2);
}

// Pages that stand in the tables of open sequences of one salt and of another.
bool share_pages(const engine::EngineCore& core) {
  std::vector<std::pair<PageId, std::string>> held;
  for (const auto& s : core.scheduler().running())
    for (uint32_t i = 0; i < core.memory().held(s->slot); ++i) {
      const size_t table = static_cast<size_t>(s->slot) * 8;
      const PageId page = core.memory().tables()[table + i];
      for (const auto& [other, salt] : held)
        if (other == page && salt != s->job.salt) return true;
      held.emplace_back(page, s->job.salt);
    }
  return false;
}

TEST(SimEvents, OnlyEqualSaltsShareTheirPages) {
  SimRunner runner({.limits = sim_limits(kVocab, 256, 4, 64, 40)});
  Desk desk(runner);
  std::vector<std::shared_ptr<RecordingSink>> first, second;
  for (auto* sinks : {&first, &second}) {
    for (const char* salt : {"", "one", "another", "one"}) {
      Job job = greedy(100, 3);
      job.salt = salt;
      sinks->push_back(desk.add(job));
    }
    while (desk.core.step()) {
      desk.core.check();
      ASSERT_FALSE(share_pages(desk.core));
    }
  }
  for (const size_t i : {0u, 1u, 2u}) EXPECT_EQ(first[i]->answer().cached_tokens, 0u) << i;
  EXPECT_EQ(first[3]->answer().cached_tokens, 96u);
  for (const auto& sink : second) EXPECT_EQ(sink->answer().cached_tokens, 96u) << "once each has its own";
  for (const auto& sink : second) EXPECT_EQ(sink->answer().tokens, first[0]->answer().tokens);
}

TEST(SimEvents, AnAdapterHasPagesAndAnswersOfItsOwn) {
  SimOptions machine{.limits = sim_limits(kVocab, 256, 4, 64, 40), .seed = 3};
  machine.limits.adapters = 2;
  SimRunner runner(machine);
  Desk desk(runner);
  std::vector<Job> jobs;
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (const uint32_t adapter : {0u, 2u, 1u, 2u}) {
    jobs.push_back(greedy(100, 9));
    jobs.back().adapter = adapter;
    sinks.push_back(desk.add(jobs.back()));
  }
  desk.run();
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(difference(answer_alone({3, kVocab}, jobs[i], 256), sinks[i]->answer()), "") << i;
    EXPECT_EQ(sinks[i]->answer().cached_tokens, i == 3 ? 96u : 0u) << i;
  }
  EXPECT_NE(sinks[0]->answer().tokens, sinks[1]->answer().tokens);
  EXPECT_NE(sinks[1]->answer().tokens, sinks[2]->answer().tokens);
}

TEST(SimEvents, TheNextTurnFindsPromptAndAnswer) {
  SimRunner runner(counting());
  Desk desk(runner);
  const auto first = desk.add(greedy(40, 30));
  desk.run();
  Job second = greedy(40, 2);
  second.prompt.insert(second.prompt.end(), first->answer().tokens.begin(), first->answer().tokens.end());
  second.prompt.push_back(9);
  const auto sink = desk.add(second);
  desk.run();
  EXPECT_EQ(sink->answer().cached_tokens, 64u);  // of 71; the 70th had not been fed back
}

// Kind "no-repeat" forbids the token that was picked last: it needs to be told of every pick. Kind "nothing"
// forbids all.
class TestStage final : public sample::LogitStage {
 public:
  explicit TestStage(bool nothing) : nothing_(nothing) {}
  void mask(std::span<uint64_t> allowed) override {
    if (last_ >= 0) allowed[static_cast<size_t>(last_) / 64] &= ~(uint64_t{1} << (last_ % 64));
    if (nothing_) std::fill(allowed.begin(), allowed.end(), 0);
  }
  void accept(TokenId token) override { last_ = token; }

 private:
  const bool nothing_;
  TokenId last_ = -1;
};

engine::EngineOptions with_grammars() {
  engine::EngineOptions options;
  options.make_stage = [](const engine::Grammar& grammar, uint32_t) -> std::unique_ptr<sample::LogitStage> {
    if (grammar.kind != "no-repeat" && grammar.kind != "nothing") return nullptr;
    return std::make_unique<TestStage>(grammar.kind == "nothing");
  };
  return options;
}

TEST(SimEvents, GrammarsFollowThePicksThroughPreemption) {
  const auto say_seven = [](std::span<const TokenId>) { return TokenId{7}; };
  SimRunner runner({.limits = sim_limits(kVocab, 128, 2, 64, 4), .say = say_seven});
  Desk desk(runner, with_grammars());
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (int n = 0; n < 2; ++n) {
    Job job = greedy(31, 60);
    job.prompt[0] = n;
    job.grammar.kind = "no-repeat";
    sinks.push_back(desk.add(job));
  }
  desk.run();
  EXPECT_GT(desk.core.stats().preemptions, 0u);
  for (const auto& sink : sinks)
    for (size_t i = 0; i < 60; ++i) ASSERT_EQ(sink->answer().tokens[i], i % 2 == 0 ? 7 : 0) << i;
}

TEST(SimEvents, WhereNoTokenIsAllowedTheRequestIsToBlame) {
  SimRunner runner(counting());
  Desk desk(runner, with_grammars());
  Job job = greedy(3, 5);
  job.grammar.kind = "nothing";
  const auto sink = desk.add(job), other = desk.add(greedy(3, 5));
  desk.run();
  EXPECT_EQ(sink->answer().finish, FinishReason::kError);
  EXPECT_EQ(sink->answer().error, ErrorCode::kInvalidRequest);
  EXPECT_EQ(other->answer().tokens.size(), 5u);
}

TEST(SimEvents, AGrammarThatNobodyUnderstandsIsRefusedByName) {
  SimRunner runner(counting());
  Job job = greedy(3, 5);
  job.grammar.kind = "klingon";
  for (const auto& options : {engine::EngineOptions{}, with_grammars()}) {
    Desk desk(runner, options);
    try {
      desk.add(job);
      FAIL() << "was not refused";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_NE(error.message().find("klingon"), std::string::npos);
    }
  }
}

TEST(SimEvents, AModelThatSaysNothingFiniteEndsThatJobOnly) {
  SimOptions options = counting();
  options.say = [](std::span<const TokenId> tokens) {
    return tokens[0] == 13 ? kNoToken : static_cast<TokenId>(tokens.size() % kVocab);
  };
  SimRunner runner(options);
  Desk desk(runner);
  Job bad = greedy(1, 5);
  bad.prompt = {13};
  const auto sink = desk.add(bad), other = desk.add(greedy(3, 5));
  desk.run();
  EXPECT_EQ(sink->answer().finish, FinishReason::kError);
  EXPECT_EQ(sink->answer().error, ErrorCode::kBadFile) << "the model's numbers, no bug of ours";
  EXPECT_EQ(other->answer().tokens.size(), 5u);
  EXPECT_EQ(desk.core.stats().jobs_failed, 1u);
}

// Keeps the values of an embedding.
class ValuesSink final : public engine::TokenSink {
 public:
  bool on_token(const engine::TokenEvent& event) override {
    EXPECT_EQ(event.finish, FinishReason::kDone);
    EXPECT_EQ(event.token, kNoToken);
    values = event.values;
    prompt_tokens = event.prompt_tokens;
    return true;
  }
  std::vector<float> values;
  uint32_t prompt_tokens = 0;
};

TEST(SimEvents, AnEmbeddingIsTheHiddenStateOfTheLastToken) {
  SimOptions options{.limits = sim_limits(kVocab, 256, 4, 20, 40)};
  options.limits.width = 5;
  SimRunner runner(options);
  Desk desk(runner);
  Job job = greedy(50, 7);
  job.wanted = engine::Wanted::kEmbedding;
  const auto answer = desk.add(greedy(40, 9));
  const auto first = std::make_shared<ValuesSink>(), second = std::make_shared<ValuesSink>();
  desk.take(job, first);
  desk.take(job, second);
  desk.run();
  const SimModel model{1, kVocab, {}};
  uint64_t fold = SimModel::kEmpty, cell = 0;
  for (uint32_t p = 0; p < 50; ++p) {
    cell = model.cell(fold, 1, p);
    fold = model.extend(fold, cell);
  }
  for (const auto& sink : {first, second}) {
    ASSERT_EQ(sink->values.size(), 5u);
    for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(sink->values[i], SimModel::hidden(cell, i));
    EXPECT_EQ(sink->prompt_tokens, 50u);
  }
  EXPECT_EQ(answer->answer().tokens.size(), 9u);
  EXPECT_EQ(desk.core.stats().jobs_done, 3u);
  EXPECT_EQ(desk.core.memory().available(), 40u);
}

// The next step begins before anybody hears of the last one: what a sink does costs no step its time.
TEST(SimEvents, TheNextStepIsUnderWayWhenSinksAreTold) {
  class Watcher final : public engine::TokenSink {
   public:
    explicit Watcher(const SimRunner& runner) : runner_(runner) {}
    bool on_token(const engine::TokenEvent&) override {
      steps.push_back(runner_.steps());
      return true;
    }
    std::vector<uint64_t> steps;

   private:
    const SimRunner& runner_;
  };
  SimRunner runner(counting());
  Desk desk(runner);
  const auto sink = std::make_shared<Watcher>(runner);
  desk.take(greedy(3, 4), sink);
  desk.run();
  EXPECT_EQ(sink->steps, (std::vector<uint64_t>{2, 3, 4, 4}));
}

}  // namespace
}  // namespace gantry::sim
