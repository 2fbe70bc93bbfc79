// For the fleet's tests: models without weights, that take bytes of a memory of so many, load as long as a
// test wants and fail when it says so.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "fleet/fleet.h"

namespace gantry::fleet {

// Deadline of every wait in a test: only a bug reaches it.
inline constexpr std::chrono::seconds kPatience{20};
inline constexpr const char* kFakeMemory = "gpu:0";

// What the tests steer and what they look at. Thread-safe.
class FakeWorld {
 public:
  // settings.context is what a model takes.
  explicit FakeWorld(uint64_t bytes) : bytes_(bytes) {}

  // Loading of `id` stops half way until it is let on.
  void hold(const std::string& id) {
    change([&] { held_up_.insert(id); });
  }
  void let_on(const std::string& id) {
    change([&] { held_up_.erase(id); });
  }
  // The next loading of `id` fails so.
  void fail_once(const std::string& id, const Error& error) {
    change([&] { failures_.emplace(id, error); });
  }
  template <typename Condition>
  bool wait(const Condition& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return condition(*this); });
  }

  // Under wait(), or when nothing moves.
  uint64_t taken = 0;
  int alive = 0, loadings = 0;
  bool overbooked = false;
  std::set<std::string> in_loading;
  std::vector<std::string> gone;  // in order
  std::vector<std::thread::id> died_on;

 private:
  friend class FakeCandidate;
  friend class FakeModel;
  template <typename Change>
  void change(const Change& made) {
    const std::lock_guard lock(mutex_);
    made();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  const uint64_t bytes_;
  std::set<std::string> held_up_;
  std::map<std::string, Error> failures_;
};

// An engine whose drain() says so; nothing runs in it.
class QuietEngine final : public engine::Engine {
 public:
  JobId submit(engine::Job, std::vector<std::shared_ptr<engine::TokenSink>>) override { return 1; }
  void cancel(JobId) override {}
  bool drain(std::chrono::milliseconds) override {
    drained = true;
    return true;
  }
  engine::Outlook outlook(uint64_t, uint64_t) const override { return {}; }
  engine::EngineStats stats() const override { return {}; }
  const model::RunnerLimits& limits() const override { return limits_; }
  uint32_t queue_max() const override { return 256; }
  std::atomic<bool> drained = false;

 private:
  model::RunnerLimits limits_;
};

class FakeModel final : public LiveModel {
 public:
  FakeModel(const LoadSettings& settings, std::shared_ptr<FakeWorld> world)
      : world_(std::move(world)), shares_({{kFakeMemory, settings.context}}) {
    card_.id = id_of(settings);
    card_.arch = "fake";
    world_->change([&] {
      ++world_->alive;
      world_->taken += settings.context;
      world_->overbooked |= world_->taken > world_->bytes_;
    });
  }
  ~FakeModel() override {
    world_->change([&] {
      --world_->alive;
      world_->taken -= shares_.front().bytes;
      world_->gone.push_back(card_.id);
      world_->died_on.push_back(std::this_thread::get_id());
    });
  }
  const ModelCard& card() const override { return card_; }
  completion::Completer& completer() override { throw Error(ErrorCode::kInternal, "no completer here"); }
  QuietEngine& engine() override { return engine_; }
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer() const override { return nullptr; }
  const Shares& shares() const override { return shares_; }

 private:
  const std::shared_ptr<FakeWorld> world_;
  const Shares shares_;
  ModelCard card_;
  QuietEngine engine_;
};

class FakeCandidate final : public Candidate {
 public:
  FakeCandidate(LoadSettings settings, std::shared_ptr<FakeWorld> world)
      : settings_(std::move(settings)), world_(std::move(world)) {}

  void plan(const Shares& given_back) override {
    const std::lock_guard lock(world_->mutex_);
    const uint64_t there = world_->bytes_ - world_->taken + bytes_in(given_back, kFakeMemory);
    if (settings_.context > there)
      throw Error(ErrorCode::kMemory, fmt::format("needs {}, {} are free", settings_.context, there),
                  kFakeMemory);
  }
  std::unique_ptr<LiveModel> load(const Progress& progress) override {
    const std::string id = id_of(settings_);
    world_->change([&] {
      ++world_->loadings;
      world_->in_loading.insert(id);
    });
    const auto end = [&] { world_->change([&] { world_->in_loading.erase(id); }); };
    try {
      while (is_held_up(id)) {
        progress("weights", 0.5);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      fail_if_told(id);
    } catch (...) {
      end();
      throw;
    }
    auto model = std::make_unique<FakeModel>(settings_, world_);
    end();
    return model;
  }

 private:
  bool is_held_up(const std::string& id) const {
    const std::lock_guard lock(world_->mutex_);
    return world_->held_up_.contains(id);
  }
  void fail_if_told(const std::string& id) const {
    const std::lock_guard lock(world_->mutex_);
    const auto found = world_->failures_.find(id);
    if (found == world_->failures_.end()) return;
    const Error error = found->second;
    world_->failures_.erase(found);
    throw Error(error);
  }

  const LoadSettings settings_;
  const std::shared_ptr<FakeWorld> world_;
};

class FakeLoader final : public Loader {
 public:
  explicit FakeLoader(std::shared_ptr<FakeWorld> world) : world_(std::move(world)) {}
  std::unique_ptr<Candidate> open(const LoadSettings& settings) override {
    return std::make_unique<FakeCandidate>(settings, world_);
  }

 private:
  const std::shared_ptr<FakeWorld> world_;
};

inline LoadSettings fake(const std::string& id, uint32_t bytes) {
  LoadSettings settings;
  settings.alias = id;
  settings.context = bytes;
  return settings;
}

// What became of a lease that was asked for.
class Asked {
 public:
  Fleet::Ready ready() {
    return [state = state_](Lease lease, std::optional<Error> error) {
      const std::lock_guard lock(state->mutex);
      ++state->answers;
      state->lease = std::move(lease);
      state->error = std::move(error);
      state->on = std::this_thread::get_id();
      state->came.notify_all();
    };
  }
  bool wait() {
    std::unique_lock lock(state_->mutex);
    return state_->came.wait_for(lock, kPatience, [&] { return state_->answers > 0; });
  }
  int answers() const {
    const std::lock_guard lock(state_->mutex);
    return state_->answers;
  }
  Lease take() {
    const std::lock_guard lock(state_->mutex);
    return std::move(state_->lease);
  }
  std::optional<Error> error() const {
    const std::lock_guard lock(state_->mutex);
    return state_->error;
  }
  std::thread::id on() const {
    const std::lock_guard lock(state_->mutex);
    return state_->on;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable came;
    int answers = 0;
    Lease lease;
    std::optional<Error> error;
    std::thread::id on;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

inline ModelCard card_of(const Fleet& fleet, const std::string& id) {
  for (const ModelCard& card : fleet.list())
    if (card.id == id) return card;
  return {};
}

inline bool comes_to(const Fleet& fleet, const std::string& id, SlotState state) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    if (card_of(fleet, id).state == state) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace gantry::fleet
