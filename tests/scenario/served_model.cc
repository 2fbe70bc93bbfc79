#include "tests/scenario/served_model.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace gantry::testing {
namespace {

// Two steps of eight wait for requests to gather, the others hurry so that who reads tokens lags behind.
constexpr std::chrono::microseconds kPause{1'000};
constexpr uint64_t kPausesEvery = 8, kPauses = 2;

constexpr uint32_t kQueueMax = 1024;

}  // namespace

// Hands steps on, with fewer pages than there are.
class ServedModel::Runner final : public model::Runner {
 public:
  Runner(model::Runner& under, const Circumstances& circumstances)
      : under_(under), limits_(under.limits()), pauses_(circumstances.pauses) {
    limits_.pages = std::min(limits_.pages, limits_.pages_max + circumstances.spare_pages);
  }
  const model::RunnerLimits& limits() const override { return limits_; }
  void launch(const model::Batch& batch) override {
    if (pauses_ && steps_++ % kPausesEvery < kPauses) std::this_thread::sleep_for(kPause);
    if (batch.picks.size() > 1 && batch.sequences.front() != batch.sequences.back()) ++shared_steps_;
    under_.launch(batch);
  }
  model::Outputs land() override { return under_.land(); }
  uint64_t shared_steps() const { return shared_steps_.load(); }

 private:
  model::Runner& under_;
  model::RunnerLimits limits_;
  const bool pauses_;
  uint64_t steps_ = 0;
  std::atomic<uint64_t> shared_steps_ = 0;
};

ServedModel::ServedModel(const std::string& id, const MakeParts& make, const Circumstances& circumstances)
    : parts_(make(circumstances)), runner_(std::make_unique<Runner>(*parts_.runner, circumstances)) {
  engine::EngineOptions options;
  options.queue_max = kQueueMax;
  options.step_rows = circumstances.step_rows;
  options.prefix_cache = circumstances.prefix_cache;
  engine_ = engine::Engine::start(*runner_, options);
  completer_ = completion::Completer::create(
      {parts_.tokenizer.get(), parts_.chat_template.get(), engine_.get(), parts_.format});
  stand_in(id, "test", parts_.runner->limits().context_max, parts_.chat_template != nullptr, *engine_,
           *completer_, parts_.tokenizer);
}

ServedModel::~ServedModel() = default;

uint64_t ServedModel::shared_steps() const { return runner_->shared_steps(); }

}  // namespace gantry::testing
