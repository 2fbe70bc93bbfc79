#include "engine/engine.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/core.h"
#include "engine/outlook.h"
#include "os/memory_account.h"

namespace gantry::engine {
namespace {

// The first of so many. Draw them under the engine's lock, so that ids rise in the order in which jobs enter.
JobId next_job_ids(uint32_t count) {
  static std::atomic<JobId> last{0};
  return last.fetch_add(count) + 1;
}

// The mutex guards the words that the threads exchange, never a step: nobody waits for the model under it.
class ThreadedEngine final : public Engine {
 public:
  ThreadedEngine(model::Runner& runner, const EngineOptions& options)
      : limits_(runner.limits()), options_(options), core_(runner, options) {
    if (options.warm_up) core_.warm_up();
    stats_ = core_.stats();
    inbox_.reserve(waiting_max(options));
    arrivals_.reserve(waiting_max(options));
    waiting_.reserve(waiting_max(options));
    thread_ = std::thread([this] { run(); });
  }

  ~ThreadedEngine() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  JobId submit(Job job, std::vector<std::shared_ptr<TokenSink>> sinks) override;
  void cancel(JobId job) override;
  bool drain(std::chrono::milliseconds limit) override;

  Outlook outlook(uint64_t client, uint64_t prompt_tokens) const override {
    const std::lock_guard lock(mutex_);
    return outlook_of(stats_, waiting_, client, prompt_tokens);
  }
  EngineStats stats() const override {
    const std::lock_guard lock(mutex_);
    EngineStats stats = stats_;
    stats.jobs_refused = refused_;
    stats.waiting = static_cast<uint32_t>(waiting_.size());
    return stats;
  }
  const model::RunnerLimits& limits() const override { return limits_; }
  uint32_t queue_max() const override { return options_.queue_max; }

 private:
  void refuse_if_closed() const;
  uint32_t clients_waiting() const;
  void refuse_if_full(uint64_t client, uint32_t answers) const;
  void refuse_if_late(const Sequence& sequence) const;
  void remember(const Sequence& sequence);
  void run();
  bool receive();
  void publish();

  const model::RunnerLimits limits_;
  const EngineOptions options_;
  EngineCore core_;                                  // engine thread only
  std::vector<std::unique_ptr<Sequence>> arrivals_;  // engine thread only

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_, idle_;
  std::vector<std::unique_ptr<Sequence>> inbox_;
  std::unordered_map<JobId, std::shared_ptr<std::atomic<bool>>> live_;  // to their `cancelled`
  EngineStats stats_;
  std::shared_ptr<const Error> failure_;
  uint64_t refused_ = 0;
  std::vector<uint64_t> waiting_;  // the client of each answer that has not been admitted
  bool draining_ = false, stopping_ = false;

  std::thread thread_;
};

JobId ThreadedEngine::submit(Job job, std::vector<std::shared_ptr<TokenSink>> sinks) {
  JobId id = 0;
  try {
    auto sequence = make_sequence(std::move(job), std::move(sinks), limits_, options_);
    const uint32_t answers = sequence->answers();
    const uint64_t client = sequence->job.client;
    const std::lock_guard lock(mutex_);
    refuse_if_closed();
    refuse_if_full(client, answers);
    refuse_if_late(*sequence);
    id = next_job_ids(answers);
    sequence->take_ids(id);
    remember(*sequence);
    inbox_.push_back(std::move(sequence));
    waiting_.insert(waiting_.end(), answers, client);
  } catch (const Error&) {
    const std::lock_guard lock(mutex_);
    ++refused_;
    throw;
  }
  wake_.notify_one();
  return id;
}

// All of its answers, or none where memory is short.
void ThreadedEngine::remember(const Sequence& sequence) {
  const os::AccountScope nobody(nullptr);  // the engine's own records
  try {
    live_.emplace(sequence.id, sequence.cancelled);
    for (const auto& follower : sequence.followers) live_.emplace(follower->id, follower->cancelled);
  } catch (...) {
    live_.erase(sequence.id);
    for (const auto& follower : sequence.followers) live_.erase(follower->id);
    throw;
  }
}

void ThreadedEngine::refuse_if_closed() const {
  if (failure_)
    throw Error(ErrorCode::kDevice, failure_->message(), failure_->where(), "the model must be loaded again");
  if (draining_ || stopping_) throw Error(ErrorCode::kShuttingDown, "the engine takes no new jobs");
}

void ThreadedEngine::refuse_if_full(uint64_t client, uint32_t answers) const {
  if (answers > options_.queue_max)
    throw Error(ErrorCode::kInvalidRequest,
                fmt::format("{} answers, of which at most {} may wait at once", answers, options_.queue_max),
                "n");
  const auto of_client = static_cast<size_t>(std::ranges::count(waiting_, client));
  if (of_client + answers > options_.queue_max)
    throw Busy(fmt::format("{} answers of this client are waiting already, of at most {}", of_client,
                           options_.queue_max),
               stats_.seconds_per_end * std::max(1u, clients_waiting()));
  const uint32_t most = waiting_max(options_);
  if (waiting_.size() + answers > most)
    throw Busy(fmt::format("{} answers are waiting already, of at most {}", waiting_.size(), most),
               stats_.seconds_per_end * answers);
}

uint32_t ThreadedEngine::clients_waiting() const {
  return static_cast<uint32_t>(std::set<uint64_t>(waiting_.begin(), waiting_.end()).size());
}

void ThreadedEngine::refuse_if_late(const Sequence& sequence) const {
  const uint32_t may = sequence.job.first_token_ms;
  if (may == 0) return;
  const Outlook outlook = outlook_of(stats_, waiting_, sequence.job.client, sequence.prompt_tokens);
  if (1000 * outlook.seconds <= may) return;
  throw Busy(
      fmt::format("its first token is expected in {:.1f} s, and may take {:.1f} s ({} answers go before)",
                  outlook.seconds, may / 1000.0, outlook.ahead),
      outlook.seconds - may / 1000.0);
}

void ThreadedEngine::cancel(JobId job) {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(job);
  if (found != live_.end()) found->second->store(true, std::memory_order_relaxed);
}

bool ThreadedEngine::drain(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  const auto empty = [this] { return live_.empty(); };
  if (idle_.wait_for(lock, limit, empty)) return true;
  for (auto& [id, cancelled] : live_) cancelled->store(true, std::memory_order_relaxed);
  idle_.wait(lock, empty);
  return false;
}

void ThreadedEngine::run() {
  while (receive()) {
    for (auto& sequence : arrivals_) core_.add(std::move(sequence));
    arrivals_.clear();
    core_.step();
    publish();
  }
  for (auto& sequence : arrivals_) core_.add(std::move(sequence));
  core_.cancel_all();
  publish();
}

// Waits for something to do. False when the engine stops.
bool ThreadedEngine::receive() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !inbox_.empty() || !core_.idle(); });
  std::swap(inbox_, arrivals_);
  return !stopping_;
}

void ThreadedEngine::publish() {
  const std::lock_guard lock(mutex_);
  stats_ = core_.stats();
  waiting_.clear();
  core_.list_waiting(waiting_);
  for (const auto& s : inbox_) waiting_.insert(waiting_.end(), s->answers(), s->job.client);
  if (!failure_ && core_.failure()) failure_ = core_.failure();
  for (const JobId id : core_.finished()) live_.erase(id);
  core_.forget_finished();
  if (live_.empty()) idle_.notify_all();
}

}  // namespace

std::unique_ptr<Engine> Engine::start(model::Runner& runner, const EngineOptions& options) {
  return std::make_unique<ThreadedEngine>(runner, options);
}

}  // namespace gantry::engine
