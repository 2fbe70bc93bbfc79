// A step allocates nothing (contract F4): every allocation of this thread is counted.
#include <cstdlib>
#include <iterator>
#include <memory>
#include <new>
#include <vector>

#include <gtest/gtest.h>

#include "base/page_records.h"
#include "base/windows.h"
#include "completion/running.h"
#include "completion/workers.h"
#include "engine/core.h"
#include "kv/sequence_memory.h"
#include "tests/scenario/fakes.h"
#include "tests/sim/sim_jobs.h"
#include "tests/sim/sim_runner.h"

namespace {
thread_local uint64_t allocations = 0, allocated_bytes = 0;
}

void* operator new(size_t size) {
  ++allocations;
  allocated_bytes += size;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace gantry::sim {
namespace {

// What the simulated model allocates for its own checks is not the engine's.
class Uncounted final : public model::Runner {
 public:
  explicit Uncounted(model::Runner& runner) : runner_(runner) {}
  const model::RunnerLimits& limits() const override { return runner_.limits(); }
  void launch(const model::Batch& batch) override {
    const uint64_t before = allocations;
    runner_.launch(batch);
    allocations = before;
  }
  model::Outputs land() override {
    const uint64_t before = allocations;
    const model::Outputs outputs = runner_.land();
    allocations = before;
    return outputs;
  }

 private:
  model::Runner& runner_;
};

TEST(SimAllocation, TheCounterCounts) {
  const uint64_t before = allocations;
  auto number = std::make_unique<int>(1);
  EXPECT_EQ(*number, 1);
  EXPECT_EQ(allocations, before + 1);
}

// What the plan counts for them is enough, and not much more.
TEST(SimAllocation, RecordsOfPagesAreWhatThePlanCounts) {
  for (const uint32_t pages : {1u, 3u, 1000u, 4096u, 5000u}) {
    for (const uint32_t windows : {0u, 2u}) {
      for (const uint32_t checkpoints : {0u, 40u}) {
        for (const uint32_t times : {0u, 3u}) {  // on the host
          const TierSizes host{times * pages, times * checkpoints,
                               std::vector<uint32_t>(windows, 50 * times)};
          const uint32_t fetched = times == 0 ? 0 : fetched_in_step(512);
          const kv::MemoryLayout layout{.pages = pages,
                                        .slots = 8,
                                        .pages_max = pages,
                                        .recurrent = checkpoints != 0,
                                        .checkpoints = checkpoints,
                                        .windows = std::vector<kv::MemoryLayout::Window>(windows, {64, 50}),
                                        .host = host,
                                        .fetched_max = fetched};
          const uint64_t counted = bytes_of(PageRecords{.pages = pages,
                                                        .sequences = 8,
                                                        .tables = uint64_t{8} * pages,
                                                        .windows = windows,
                                                        .window_pages = uint64_t{50} * windows,
                                                        .checkpoints = checkpoints,
                                                        .far_pages = host.pages,
                                                        .far_window_pages = uint64_t{50} * times * windows,
                                                        .far_states = host.states,
                                                        .fetched = fetched});
          const uint64_t before = allocated_bytes;
          const kv::SequenceMemory memory(layout);
          const uint64_t taken = allocated_bytes - before;
          constexpr uint64_t kSlotsAndOwn = 2048;  // whatever the pages
          EXPECT_LE(taken, counted + kSlotsAndOwn) << pages << " pages";
          EXPECT_LE(counted, taken + taken / 8 + kSlotsAndOwn) << pages << " pages";
        }
      }
    }
  }
}

// Who listens in the end; leaves after `leave_after` deltas (0: stays).
class Reader final : public completion::DeltaSink {
 public:
  explicit Reader(uint32_t leave_after) : leave_after_(leave_after) {}
  bool on_delta(completion::Delta) override { return leave_after_ == 0 || ++heard_ < leave_after_; }

 private:
  const uint32_t leave_after_;
  uint32_t heard_ = 0;
};

// Admission, sharing, slices, preemption, penalties, every way of picking, logprobs, cancellation, finishing:
// all of it within steps, for every kind of sequence memory, and told to those who listen in the product.
TEST(SimAllocation, AStepAllocatesNothing) {
  const testing::ByteTokenizer tokenizer;
  uint64_t steps = 0, preemptions = 0, fetched = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Dice dice(seed);
    constexpr SimKind kKinds[] = {SimKind::kPages, SimKind::kState, SimKind::kBoth, SimKind::kWindows};
    const SimKind kind = kKinds[seed % std::size(kKinds)];
    auto limits = sim_limits(61, 160, 5, 40, 9);
    limits.recurrent = kind == SimKind::kState || kind == SimKind::kBoth;
    limits.adapters = static_cast<uint32_t>(seed % 3);
    if (limits.recurrent) limits.checkpoints = static_cast<uint32_t>(seed % 13);
    if (kind == SimKind::kWindows) limits.windows = {{33, 5 * window_share(33, limits.rows_max)}};
    if (dice.chance(0.5)) limits.host = random_host(dice, limits);
    SimRunner sim({.limits = limits, .seed = seed, .kind = kind});
    Uncounted runner(sim);
    engine::EngineCore core(runner, {});
    const auto workers = std::make_shared<completion::Workers>(1);
    for (JobId id = 1; id <= 30; ++id) {
      engine::Job job = random_job(dice, limits.vocab, limits.context_max, limits.adapters);
      completion::Prepared prepared;
      prepared.request.prompt = job.prompt;
      prepared.job = job;
      if (dice.chance(0.3)) job.answers = dice.roll(2, 6);
      std::vector<std::shared_ptr<engine::TokenSink>> sinks;
      for (uint32_t i = 0; i < job.answers; ++i)
        sinks.push_back(std::make_shared<completion::Running>(
            completion::CompleterParts{&tokenizer, nullptr, nullptr}, workers, prepared,
            std::make_shared<Reader>(dice.chance(0.1) ? 3 : 0)));
      auto sequence = engine::make_sequence(std::move(job), std::move(sinks), limits);
      sequence->take_ids(10 * id);
      if (dice.chance(0.1)) sequence->cancelled->store(true);
      core.add(std::move(sequence));
    }
    const uint64_t before = allocations;
    while (core.step()) ++steps;
    ASSERT_EQ(allocations, before) << "seed " << seed;
    preemptions += core.stats().preemptions;
    fetched += core.stats().fetched;
    workers->stop();
  }
  EXPECT_GT(steps, 1000u);
  EXPECT_GT(preemptions, 100u);
  EXPECT_GT(fetched, 100u);
}

}  // namespace
}  // namespace gantry::sim
