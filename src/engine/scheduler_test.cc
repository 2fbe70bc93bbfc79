#include "engine/scheduler.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gantry::engine {
namespace {

using Rows = std::vector<uint32_t>;

Rows share(const Rows& pending, uint32_t budget) {
  Rows rows(pending.size(), 99);
  share_rows(pending, budget, rows);
  return rows;
}

TEST(ShareRows, DecodingFirstThenTheOldestAndTheShortest) {
  EXPECT_EQ(share({}, 8), Rows{});
  EXPECT_EQ(share({1, 1, 1}, 8), (Rows{1, 1, 1}));
  EXPECT_EQ(share({100}, 8), (Rows{8}));
  EXPECT_EQ(share({100, 1, 1}, 8), (Rows{6, 1, 1}));
  EXPECT_EQ(share({100, 5}, 8), (Rows{4, 4}));  // half each
  EXPECT_EQ(share({100, 3}, 8), (Rows{5, 3}));  // what the short one does not need
  EXPECT_EQ(share({3, 100}, 8), (Rows{3, 5}));
  EXPECT_EQ(share({50, 50, 50}, 9), (Rows{9, 0, 0}));  // equals: first come, first served
  EXPECT_EQ(share({100, 50, 2}, 8), (Rows{4, 2, 2}));
  EXPECT_EQ(share({1, 100, 1, 7, 1}, 4), (Rows{1, 1, 1, 0, 1}));
  EXPECT_EQ(share({0, 100, 0}, 4), (Rows{0, 4, 0}));  // 0: waits for something
}

TEST(ShareRows, GivesAllThatIsNeededAndNeverMore) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Rows pending(1 + seed % 9);
    for (size_t i = 0; i < pending.size(); ++i) {
      const double u = uniform_at(seed, i);
      pending[i] = u < 0.4 ? 1 : static_cast<uint32_t>(u * 60);
    }
    const auto budget =
        static_cast<uint32_t>(pending.size()) + static_cast<uint32_t>(uniform_at(seed, 99) * 50);
    const Rows rows = share(pending, budget);
    uint32_t oldest = 0, prefill = budget;
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_LE(rows[i], pending[i]);
      ASSERT_TRUE(pending[i] != 1 || rows[i] == 1) << "a decoding sequence has no row";
      prefill -= pending[i] == 1 ? 1u : 0u;
    }
    const auto wanted = std::accumulate(pending.begin(), pending.end(), 0u);
    ASSERT_EQ(std::accumulate(rows.begin(), rows.end(), 0u), std::min(wanted, budget));
    while (oldest < pending.size() && pending[oldest] < 2) ++oldest;
    ASSERT_TRUE(oldest == pending.size() || rows[oldest] >= std::min(pending[oldest], prefill / 2));
  }
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

  Sequence* add(uint32_t prompt, uint32_t answer, TokenId first) {
    Job job;
    for (uint32_t i = 0; i < prompt; ++i) job.prompt.push_back(first + static_cast<TokenId>(i % 100));
    job.tokens_max = answer;
    job.sink = std::make_shared<Nobody>();
    auto s = make_sequence(std::move(job), limits_);
    s->id = ++last_id_;
    Sequence* raw = s.get();
    scheduler_->add(std::move(s));
    return raw;
  }

  // Plans and carries out one step; rows of each running sequence.
  Rows step() {
    scheduler_->plan();
    Rows rows;
    for (const auto& s : scheduler_->running()) {
      rows.push_back(s->rows);
      s->written += s->rows;
      memory_->commit(s->slot, s->tokens, s->written);
      if (s->written == s->size()) s->tokens.push_back(7);
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
  EXPECT_FALSE(scheduler_->plan());
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
  scheduler_->plan();
  EXPECT_EQ(second->cached_tokens, kPageTokens);
  EXPECT_EQ(second->rows, kPageTokens);
}

}  // namespace
}  // namespace gantry::engine
