// The engine with its thread, used by many at once: for the thread sanitizer, and for what only threads can
// do.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/engine.h"
#include "tests/deadline.h"
#include "tests/sim/sim_jobs.h"
#include "tests/sim/sim_runner.h"

namespace gantry::sim {
namespace {

using engine::FinishReason;
using namespace std::chrono_literals;

constexpr uint32_t kVocab = 61;

// Lets another thread wait for the end.
class WaitingSink final : public engine::TokenSink {
 public:
  bool on_token(const engine::TokenEvent& event) override {
    record_.on_token(event);
    if (event.finish != FinishReason::kNone) finished_.store(true, std::memory_order_release);
    return true;
  }
  const Answer& wait() const {
    testing::await([this] { return finished_.load(std::memory_order_acquire); }, "the end of the job");
    return record_.answer();
  }

 private:
  RecordingSink record_;
  std::atomic<bool> finished_{false};
};

engine::Job endless_job() {
  engine::Job job;
  job.prompt = {1, 2, 3};
  return job;
}

ErrorCode refusal(engine::Engine& engine) {
  try {
    engine.submit(endless_job(), std::make_shared<WaitingSink>());
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "was not refused";
  return ErrorCode::kInternal;
}

// One of several clients: submits, cancels some, checks what it hears. Full queues are tried again.
void be_a_client(engine::Engine& engine, uint64_t seed, std::atomic<uint32_t>& whole) {
  Dice dice(seed);
  for (int n = 0; n < 40; ++n) {
    const engine::Job asked = random_job(dice, kVocab, engine.limits().context_max);
    const auto sink = std::make_shared<WaitingSink>();
    JobId id = 0;
    const auto submitted = [&] {
      try {
        id = engine.submit(asked, sink);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kBusy) throw;
      }
      return id != 0;
    };
    testing::await(submitted, "room in the queue");
    if (dice.chance(0.2)) engine.cancel(id);
    if (dice.chance(0.1)) (void)engine.stats();
    const Answer& heard = sink->wait();
    engine.cancel(id);
    ASSERT_EQ(difference(answer_alone({9, kVocab}, asked, engine.limits().context_max), heard), "");
    if (heard.finish != FinishReason::kCancelled) ++whole;
  }
}

TEST(SimThreads, ManyClientsHearWhatTheyWouldHearAlone) {
  SimRunner runner(
      {.limits = sim_limits(kVocab, 128, 6, 32, 14), .seed = 9, .work = SimOptions::Work::kThread});
  engine::EngineOptions options;
  options.queue_max = 3;
  const auto engine = engine::Engine::start(runner, options);
  std::atomic<uint32_t> whole{0};
  std::vector<std::thread> clients;
  for (uint64_t seed = 1; seed <= 8; ++seed)
    clients.emplace_back([&engine, &whole, seed] { be_a_client(*engine, seed, whole); });
  for (auto& client : clients) client.join();
  EXPECT_TRUE(engine->drain(10s));
  const auto stats = engine->stats();
  EXPECT_EQ(stats.jobs_done, whole.load());
  EXPECT_EQ(stats.jobs_done + stats.jobs_cancelled, 8u * 40);
  EXPECT_EQ(stats.pages_free + stats.pages_cached, stats.pages);
  EXPECT_EQ(stats.running + stats.waiting, 0u);
}

// Keeps the order in which jobs end. The calls come from the engine's thread, one at a time.
class OrderSink final : public engine::TokenSink {
 public:
  explicit OrderSink(std::vector<JobId>& order) : order_(order) {}
  bool on_token(const engine::TokenEvent& event) override {
    if (event.finish != FinishReason::kNone) order_.push_back(event.job);
    return true;
  }

 private:
  std::vector<JobId>& order_;
};

// A long prompt takes long to check; meanwhile others enter. Who enters later has the higher id.
TEST(SimThreads, IdsRiseInTheOrderInWhichJobsEnter) {
  constexpr uint32_t kContext = 1u << 16;
  SimRunner runner({.limits = sim_limits(kVocab, kContext, 1, 4096, kContext / kPageTokens)});
  const auto engine = engine::Engine::start(runner, {.queue_max = 1000});
  std::vector<JobId> order;
  std::vector<std::thread> clients;
  for (size_t n = 0; n < 4; ++n)
    clients.emplace_back([&engine, &order, n] {
      engine::Job job;
      job.prompt.assign(n == 0 ? kContext - 2 : 1, 1);
      job.tokens_max = 1;
      const auto sink = std::make_shared<OrderSink>(order);
      for (int i = 0; i < (n == 0 ? 10 : 100); ++i) engine->submit(job, sink);
    });
  for (auto& client : clients) client.join();
  ASSERT_TRUE(engine->drain(60s));
  EXPECT_EQ(order.size(), 310u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(SimThreads, AFullQueueSaysNoAtOnceAndKeepsItsWordToTheOthers) {
  SimRunner runner({.limits = sim_limits(kVocab, 4096, 1, 32, 128), .step_time = 1ms});
  engine::EngineOptions options;
  options.queue_max = 2;
  const auto engine = engine::Engine::start(runner, options);
  const auto first = std::make_shared<WaitingSink>();
  std::vector<JobId> jobs = {engine->submit(endless_job(), first)};
  testing::await([&] { return engine->stats().running > 0; }, "a running job");
  std::vector<std::shared_ptr<WaitingSink>> sinks;
  for (int n = 0; n < 2; ++n) {
    sinks.push_back(std::make_shared<WaitingSink>());
    jobs.push_back(engine->submit(endless_job(), sinks.back()));
  }
  EXPECT_EQ(refusal(*engine), ErrorCode::kBusy);
  EXPECT_EQ(engine->stats().jobs_refused, 1u);
  for (const JobId job : jobs) engine->cancel(job);
  EXPECT_EQ(first->wait().finish, FinishReason::kCancelled);
  for (const auto& sink : sinks) EXPECT_EQ(sink->wait().finish, FinishReason::kCancelled);
}

TEST(SimThreads, SeveralAnswersAreTakenTogetherAndEndEachForItself) {
  SimRunner runner({.limits = sim_limits(kVocab, 1u << 20, 2, 32, 1u << 15), .step_time = 1ms});
  engine::EngineOptions options;
  options.queue_max = 4;
  const auto engine = engine::Engine::start(runner, options);
  const auto ask = [&](uint32_t answers) {
    engine::Job job = endless_job();
    job.answers = answers;
    std::vector<std::shared_ptr<WaitingSink>> sinks;
    for (uint32_t i = 0; i < answers; ++i) sinks.push_back(std::make_shared<WaitingSink>());
    const JobId first = engine->submit(std::move(job), {sinks.begin(), sinks.end()});
    return std::pair(first, sinks);
  };
  EXPECT_THROW(ask(5), Error) << "never";
  const auto [first, sinks] = ask(4);
  try {
    ask(3);  // two places are taken by running ones at most
    ADD_FAILURE() << "was not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
  }
  EXPECT_EQ(engine->stats().jobs_refused, 2u);
  for (const size_t gone : {2u, 0u, 3u, 1u}) {
    engine->cancel(first + gone);
    EXPECT_EQ(sinks[gone]->wait().finish, FinishReason::kCancelled);
  }
  testing::await([&] { return engine->stats().jobs_cancelled == 4; }, "four jobs that were called off");
}

TEST(SimThreads, DrainingFinishesWhatRunsOrCutsItAtTheLimit) {
  SimRunner runner({.limits = sim_limits(kVocab, 1u << 20, 2, 32, 1u << 15), .step_time = 1ms});
  const auto engine = engine::Engine::start(runner);
  const auto sink = std::make_shared<WaitingSink>();
  engine->submit(endless_job(), sink);
  EXPECT_FALSE(engine->drain(20ms));
  EXPECT_EQ(sink->wait().finish, FinishReason::kCancelled);
  EXPECT_EQ(refusal(*engine), ErrorCode::kShuttingDown);
  EXPECT_TRUE(engine->drain(0ms));
}

TEST(SimThreads, TheEndOfTheEngineIsTheEndOfItsJobs) {
  SimRunner runner({.limits = sim_limits(kVocab, 1u << 20, 1, 32, 1u << 15), .step_time = 1ms});
  std::vector<std::shared_ptr<WaitingSink>> sinks;
  {
    const auto engine = engine::Engine::start(runner);
    for (int n = 0; n < 5; ++n) {
      sinks.push_back(std::make_shared<WaitingSink>());
      engine->submit(endless_job(), sinks.back());
    }
  }
  for (const auto& sink : sinks) EXPECT_EQ(sink->wait().finish, FinishReason::kCancelled);
}

TEST(SimThreads, AFailedDeviceEndsItsJobsAndTheProcessGoesOn) {
  SimRunner runner({.limits = sim_limits(kVocab, 4096, 2, 32, 256), .fail_at_step = 20, .step_time = 100us});
  const auto engine = engine::Engine::start(runner);
  std::vector<std::shared_ptr<WaitingSink>> sinks;
  for (int n = 0; n < 4; ++n) {
    sinks.push_back(std::make_shared<WaitingSink>());
    engine->submit(endless_job(), sinks.back());
  }
  for (const auto& sink : sinks) {
    EXPECT_EQ(sink->wait().finish, FinishReason::kError);
    EXPECT_EQ(sink->wait().error, ErrorCode::kDevice);
  }
  testing::await([&] { return engine->stats().jobs_failed >= 4; }, "four failed jobs");
  EXPECT_EQ(refusal(*engine), ErrorCode::kDevice);
  EXPECT_TRUE(engine->drain(10s));
}

}  // namespace
}  // namespace gantry::sim
