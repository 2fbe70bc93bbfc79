// What the tests of one answer share: who listens to a job, and a model with an engine around it.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/engine.h"
#include "fleet/opened_model.h"
#include "model/loaded_model.h"
#include "model/transformer.h"
#include "tests/deadline.h"
#include "tests/model/fixture.h"

namespace gantry::testing {

// What a job heard: tokens and their log-probabilities.
struct Answer {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;
  engine::FinishReason finish = engine::FinishReason::kNone;
  bool operator==(const Answer&) const = default;
};

class Listener final : public engine::TokenSink {
 public:
  bool on_token(const engine::TokenEvent& event) override {
    const std::lock_guard lock(mutex_);
    if (event.token != kNoToken) {
      answer_.tokens.push_back(event.token);
      answer_.logprobs.push_back(event.logprob);
    }
    answer_.finish = event.finish;
    done_.notify_all();
    return true;
  }
  Answer wait() {
    std::unique_lock lock(mutex_);
    await(
        done_, lock, [this] { return answer_.finish != engine::FinishReason::kNone; }, "the end of a job");
    return answer_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  Answer answer_;
};

// Submits them all at once and waits for all.
inline std::vector<Answer> ask_all(engine::Engine& engine, const std::vector<engine::Job>& jobs) {
  std::vector<std::shared_ptr<Listener>> listeners;
  for (const engine::Job& job : jobs) {
    listeners.push_back(std::make_shared<Listener>());
    engine.submit(job, listeners.back());
  }
  std::vector<Answer> answers;
  for (const auto& listener : listeners) answers.push_back(listener->wait());
  return answers;
}

// A model at work. Members stand in the order in which they need each other.
struct Live {
  fleet::OpenedModel opened;
  std::unique_ptr<model::LoadedModel> loaded;
  std::unique_ptr<model::Runner> runner;
  std::unique_ptr<engine::Engine> engine;
};
inline Live make_live(const fleet::LoadSettings& settings, const engine::EngineOptions& options = {},
                      const device::Registry& devices = registry()) {
  Live l{fleet::open_model(devices, settings), nullptr, nullptr, nullptr};
  l.loaded = model::LoadedModel::load(*l.opened.blueprint, *l.opened.file, l.opened.plan, *l.opened.device);
  l.runner = model::make_transformer(*l.opened.blueprint, *l.loaded, *l.opened.device);
  l.engine = engine::Engine::start(*l.runner, options);
  return l;
}

// A model with fewer pages than it has.
class FewPages final : public model::Runner {
 public:
  FewPages(model::Runner& runner, uint32_t pages) : runner_(runner), limits_(runner.limits()) {
    limits_.pages = pages;
  }
  const model::RunnerLimits& limits() const override { return limits_; }
  void launch(const model::Batch& batch) override { runner_.launch(batch); }
  model::Outputs land() override { return runner_.land(); }

 private:
  model::Runner& runner_;
  model::RunnerLimits limits_;
};

}  // namespace gantry::testing
