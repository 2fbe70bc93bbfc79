#include "engine/scheduler.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gantry::engine {
namespace {

using Rows = std::vector<uint32_t>;

Need prefill(uint32_t rows) { return {Phase::kPrefill, rows}; }
Need verify(uint32_t rows) { return {Phase::kVerify, rows}; }
constexpr Need kDecodes{Phase::kDecode, 1};

const StepBudget kNoLimit(512, {});

Rows share(const std::vector<Need>& needs, uint32_t budget) {
  Rows rows(needs.size(), 99);
  share_rows(needs, {.rows = budget}, rows);
  return rows;
}

TEST(ShareRows, DecodingFirstThenTheOldestAndTheShortest) {
  const Need one = kDecodes;
  EXPECT_EQ(share({}, 8), Rows{});
  EXPECT_EQ(share({one, one, one}, 8), (Rows{1, 1, 1}));
  EXPECT_EQ(share({prefill(100)}, 8), (Rows{8}));
  EXPECT_EQ(share({prefill(100), one, one}, 8), (Rows{6, 1, 1}));
  EXPECT_EQ(share({prefill(100), prefill(5)}, 8), (Rows{4, 4}));  // half each
  EXPECT_EQ(share({prefill(100), prefill(3)}, 8), (Rows{5, 3}));  // what the short one does not need
  EXPECT_EQ(share({prefill(3), prefill(100)}, 8), (Rows{3, 5}));
  EXPECT_EQ(share({prefill(50), prefill(50), prefill(50)}, 9), (Rows{9, 0, 0}));  // first come, first served
  EXPECT_EQ(share({prefill(100), prefill(50), prefill(2)}, 8), (Rows{4, 2, 2}));
  EXPECT_EQ(share({one, prefill(100), one, prefill(7), one}, 4), (Rows{1, 1, 1, 0, 1}));
  EXPECT_EQ(share({prefill(0), prefill(100), prefill(0)}, 4), (Rows{0, 4, 0}));  // 0: waits for something
}

TEST(ShareRows, APromptOfOneTokenIsAPrefill) {
  EXPECT_EQ(share({prefill(100), prefill(1), kDecodes}, 2), (Rows{1, 0, 1}));
  EXPECT_EQ(share({prefill(100), prefill(1), kDecodes}, 4), (Rows{2, 1, 1}));
}

TEST(ShareRows, GuessesAreVerifiedOnceAllDecode) {
  EXPECT_EQ(share({verify(4), kDecodes, kDecodes}, 8), (Rows{4, 1, 1}));
  EXPECT_EQ(share({verify(4), kDecodes, kDecodes}, 4), (Rows{2, 1, 1}));
  EXPECT_EQ(share({prefill(100), verify(4), kDecodes}, 9), (Rows{4, 4, 1}));
  EXPECT_EQ(share({prefill(100), verify(9)}, 4), (Rows{2, 2})) << "nobody waits for guesses";
  EXPECT_EQ(share({prefill(100), verify(9)}, 2), (Rows{1, 1}));
  EXPECT_EQ(share({prefill(1), verify(9)}, 8), (Rows{1, 7}));
}

TEST(ShareRows, GivesAllThatIsNeededAndNeverMore) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    std::vector<Need> needs(1 + seed % 9);
    for (size_t i = 0; i < needs.size(); ++i) {
      const double u = uniform_at(seed, i);
      needs[i] = u < 0.4   ? kDecodes
                 : u < 0.5 ? verify(1 + static_cast<uint32_t>(u * 60) % 5)
                           : prefill(static_cast<uint32_t>((u - 0.5) * 100));
    }
    const auto budget =
        static_cast<uint32_t>(needs.size()) + static_cast<uint32_t>(uniform_at(seed, 99) * 50);
    const Rows rows = share(needs, budget);
    uint32_t wanted = 0, decoding = 0, for_prefills = budget;
    size_t oldest = needs.size();
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_LE(rows[i], needs[i].rows);
      const bool prefills = needs[i].phase == Phase::kPrefill;
      ASSERT_TRUE(prefills || rows[i] >= 1) << "a decoding sequence has no row";
      wanted += needs[i].rows;
      decoding += prefills ? 0 : 1;
      for_prefills -= prefills ? 0 : rows[i];
      if (prefills && needs[i].rows > 0 && oldest == needs.size()) oldest = i;
    }
    ASSERT_EQ(std::accumulate(rows.begin(), rows.end(), 0u), std::min(wanted, budget));
    ASSERT_LE(decoding, budget);
    ASSERT_TRUE(oldest == needs.size() || rows[oldest] >= std::min(needs[oldest].rows, for_prefills / 2));
  }
}

// A prompt's row deep in its context takes longer: it gets fewer of them for the same time.
TEST(ShareRows, TimeIsSharedAsRowsAre) {
  std::vector<Need> needs{kDecodes, prefill(100), prefill(90)};
  needs[0].cost = 0.5;
  needs[1].cost = 0.1;
  needs[2].cost = 0.02;
  Rows rows(3);
  share_rows(needs, {.rows = 512, .seconds = 2.5}, rows);
  EXPECT_EQ(rows, (Rows{1, 10, 50}));
  share_rows(needs, {.rows = 40, .seconds = 2.5}, rows);
  EXPECT_EQ(rows, (Rows{1, 10, 29}));
  share_rows(needs, {.rows = 512, .seconds = 0.1}, rows);
  EXPECT_EQ(rows, (Rows{1, 0, 0})) << "who decodes has its row, whatever it takes";
}

// The scheduler over real bookkeeping, with a model that is done at once.
class SchedulerTest : public ::testing::Test {
 protected:
  void start(uint32_t pages, uint32_t running_max, uint32_t step_rows) {
    limits_.vocab = 1000;
    limits_.context_max = 512;
    limits_.pages = pages;
    limits_.pages_max = 16;
    memory_ = std::make_unique<kv::SequenceMemory>(
        kv::MemoryLayout{.pages = pages, .slots = running_max, .pages_max = 16});
    scheduler_ = std::make_unique<Scheduler>(*memory_, 16, running_max, step_rows);
  }

  Sequence* add(uint32_t prompt, uint32_t answer, TokenId first, int32_t priority = 0, uint64_t client = 0) {
    Job job;
    for (uint32_t i = 0; i < prompt; ++i) job.prompt.push_back(first + static_cast<TokenId>(i % 100));
    job.tokens_max = answer;
    job.priority = priority;
    job.client = client;
    auto s = make_sequence(std::move(job), std::make_shared<Nobody>(), limits_);
    s->id = ++last_id_;
    Sequence* raw = s.get();
    scheduler_->add(std::move(s));
    return raw;
  }

  // Plans and carries out one step; rows of each running sequence.
  Rows step() {
    scheduler_->plan(kNoLimit);
    Rows rows;
    for (const auto& s : scheduler_->running()) {
      rows.push_back(s->rows);
      s->written += s->rows;
      memory_->commit(s->slot, s->tokens, s->written);
      if (s->written < s->size()) continue;
      s->tokens.push_back(7);
      s->phase = Phase::kDecode;
    }
    memory_->check();
    return rows;
  }

  class Nobody final : public TokenSink {
   public:
    bool on_token(const TokenEvent&) override { return true; }
  };

  model::RunnerLimits limits_;
  std::unique_ptr<kv::SequenceMemory> memory_;
  std::unique_ptr<Scheduler> scheduler_;
  JobId last_id_ = 0;
};

TEST_F(SchedulerTest, SlicesAPromptAndThenDecodes) {
  start(16, 4, 20);
  EXPECT_FALSE(scheduler_->plan(kNoLimit));
  add(50, 10, 0);
  EXPECT_EQ(step(), Rows{20});
  EXPECT_EQ(step(), Rows{20});
  EXPECT_EQ(step(), Rows{10});
  EXPECT_EQ(step(), Rows{1});
  EXPECT_EQ(step(), Rows{1});
}

TEST_F(SchedulerTest, ALongPromptNeverStallsWhatRuns) {
  start(64, 4, 8);
  add(1, 100, 0);
  step();
  add(400, 10, 200);
  for (int n = 0; n < 50; ++n) EXPECT_EQ(step(), (Rows{1, 7}));
  add(4, 100, 500);  // and a short one does not wait for it either
  EXPECT_EQ(step(), (Rows{1, 4, 3}));
  EXPECT_EQ(step(), (Rows{1, 6, 1}));
}

TEST_F(SchedulerTest, AdmitsInTheOrderOfArrival) {
  start(6, 4, 64);
  Sequence* first = add(100, 10, 0);  // 4 pages
  add(90, 10, 200);                   // 3 pages: must wait
  add(5, 5, 400);                     // 1 page: would fit, but is not before its turn
  step();
  EXPECT_EQ(scheduler_->running().size(), 1u);
  EXPECT_EQ(scheduler_->waiting().size(), 2u);
  scheduler_->remove(first);
  step();
  EXPECT_EQ(scheduler_->running().size(), 2u);
}

std::vector<uint64_t> clients_of(std::span<const std::unique_ptr<Sequence>> sequences) {
  std::vector<uint64_t> clients;
  for (const auto& s : sequences) clients.push_back(s->job.client);
  return clients;
}

TEST_F(SchedulerTest, ClientsAreAdmittedByTurns) {
  start(64, 2, 64);
  for (TokenId i = 0; i < 6; ++i) add(5, 40, 100 * i, 0, 1);
  for (TokenId i = 6; i < 9; ++i) add(5, 40, 100 * i, 0, 2);
  std::vector<uint64_t> order;
  while (scheduler_->plan(kNoLimit)) {
    Sequence* const done = scheduler_->running()[0].get();
    order.push_back(done->job.client);
    scheduler_->remove(done);
  }
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 2, 1, 2, 1, 2, 1, 1, 1}));
}

TEST_F(SchedulerTest, WhoHasAllPlacesGivesSomeToWhoComes) {
  start(64, 4, 64);
  for (TokenId i = 0; i < 8; ++i) add(5, 400, 100 * i, 0, 1);
  step();
  ASSERT_EQ(clients_of(scheduler_->running()), (std::vector<uint64_t>{1, 1, 1, 1}));
  Sequence* const first = scheduler_->running()[0].get();
  for (TokenId i = 0; i < 3; ++i) add(5, 400, 100 * i + 50, 0, 2);
  for (int i = 0; i < 20; ++i) step();
  EXPECT_EQ(clients_of(scheduler_->running()), (std::vector<uint64_t>{1, 1, 2, 2}));
  EXPECT_EQ(scheduler_->running()[0].get(), first);
  EXPECT_EQ(scheduler_->preemptions(), 2u) << "and no further";
  add(5, 400, 850, 0, 3);
  for (int i = 0; i < 20; ++i) step();
  EXPECT_EQ(clients_of(scheduler_->running()), (std::vector<uint64_t>{1, 1, 2, 3}));
  // Who gave way goes on as soon as there is room, before what came later.
  scheduler_->remove(scheduler_->running()[1].get());
  step();
  EXPECT_EQ(scheduler_->running()[1]->id, 3u);
  EXPECT_TRUE(scheduler_->running()[1]->preempted);
}

TEST_F(SchedulerTest, AHigherPriorityKeepsItsPlaces) {
  start(64, 4, 64);
  for (TokenId i = 0; i < 4; ++i) add(5, 400, 100 * i, 1, 1);
  step();
  add(5, 400, 850, 0, 2);
  for (int i = 0; i < 5; ++i) step();
  EXPECT_EQ(clients_of(scheduler_->running()), (std::vector<uint64_t>{1, 1, 1, 1}));
}

TEST_F(SchedulerTest, TheYoungestGivesWayAndComesBackFirst) {
  start(4, 3, 64);
  add(31, 60, 0);
  Sequence* young = add(31, 60, 200);
  add(70, 5, 400);
  step();
  EXPECT_EQ(scheduler_->running().size(), 2u);
  while (scheduler_->preemptions() == 0) step();
  EXPECT_EQ(scheduler_->running().size(), 1u);
  EXPECT_EQ(scheduler_->running()[0]->id, 1u);
  ASSERT_EQ(scheduler_->waiting().size(), 2u);
  EXPECT_EQ(scheduler_->waiting()[0].get(), young);
  EXPECT_LT(young->slot, 0);
  EXPECT_EQ(young->written, 0u);
  const std::vector<TokenId> tokens = young->tokens;
  scheduler_->remove(scheduler_->running()[0].get());
  step();
  EXPECT_EQ(scheduler_->running()[0].get(), young);
  // Nothing that was said is lost.
  ASSERT_GE(young->tokens.size(), tokens.size());
  EXPECT_TRUE(std::equal(tokens.begin(), tokens.end(), young->tokens.begin()));
}

TEST_F(SchedulerTest, ALowPriorityGivesWayHoweverOldItIs) {
  start(4, 3, 64);
  Sequence* low = add(31, 60, 0, -1);
  step();
  step();
  Sequence* high = add(31, 60, 200, 1);
  step();
  ASSERT_EQ(scheduler_->running().size(), 2u) << "there is room for both as yet";
  EXPECT_EQ(scheduler_->running()[0].get(), high);
  while (scheduler_->preemptions() == 0) step();
  ASSERT_EQ(scheduler_->running().size(), 1u);
  EXPECT_EQ(scheduler_->running()[0].get(), high);
  EXPECT_TRUE(low->preempted);
  EXPECT_EQ(low->phase, Phase::kPrefill);
  EXPECT_LT(low->slot, 0);
  const std::vector<TokenId> tokens = low->tokens;
  EXPECT_GT(tokens.size(), 33u);
  for (int n = 0; n < 20; ++n) step();
  EXPECT_EQ(low->tokens, tokens) << "it waits with all that was said";
  scheduler_->remove(high);
  step();
  ASSERT_EQ(scheduler_->running().size(), 1u);
  EXPECT_EQ(scheduler_->running()[0].get(), low);
  EXPECT_TRUE(std::ranges::equal(tokens, std::span(low->tokens).first(tokens.size())));
}

TEST_F(SchedulerTest, WhatRunsIsNotCutForAHigherPriorityThatWaits) {
  start(4, 3, 64);
  Sequence* low = add(60, 60, 0, -1);
  step();
  add(90, 5, 200, 1);  // 3 pages, of which 2 are left
  for (int n = 0; n < 20; ++n) step();
  EXPECT_EQ(scheduler_->preemptions(), 0u);
  ASSERT_EQ(scheduler_->running().size(), 1u);
  EXPECT_EQ(scheduler_->running()[0].get(), low);
}

TEST_F(SchedulerTest, TwinsWaitForThePageThatIsBeingWritten) {
  start(32, 4, 48);
  Sequence* a = add(100, 5, 0);
  Sequence* b = add(100, 5, 0);
  Sequence* other = add(70, 5, 300);
  EXPECT_EQ(step(), (Rows{24, 0, 24}));  // b shares a's first page; nothing is computed twice
  EXPECT_EQ(step(), (Rows{24, 0, 24}));
  EXPECT_EQ(b->written, 0u);
  step();
  EXPECT_GE(b->written, kPageTokens);
  for (int n = 0; n < 10 && b->pending() != 1; ++n) step();
  EXPECT_EQ(b->cached_tokens, 3 * kPageTokens);
  EXPECT_EQ(a->cached_tokens, 0u);
  EXPECT_EQ(other->cached_tokens, 0u);
}

TEST_F(SchedulerTest, AWhollyKnownPromptStillComputesItsLastToken) {
  start(16, 2, 64);
  Sequence* first = add(2 * kPageTokens, 5, 0);
  step();
  EXPECT_EQ(first->pending(), 1u);
  scheduler_->remove(first);
  Sequence* second = add(2 * kPageTokens, 5, 0);
  scheduler_->plan(kNoLimit);
  EXPECT_EQ(second->cached_tokens, kPageTokens);
  EXPECT_EQ(second->rows, kPageTokens);
}

}  // namespace
}  // namespace gantry::engine
