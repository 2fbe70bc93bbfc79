// An engine at which one test asks and listens, step by step on its thread.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/core.h"
#include "tests/sim/sim_jobs.h"

namespace gantry::sim {

class Desk {
 public:
  explicit Desk(model::Runner& runner, engine::EngineOptions options = {})
      : core(runner, options), runner_(runner), options_(std::move(options)) {}

  engine::EngineCore core;

  std::shared_ptr<RecordingSink> add(engine::Job job, uint32_t leave_after = 0) {
    auto sink = std::make_shared<RecordingSink>(leave_after);
    take(std::move(job), sink);
    return sink;
  }
  JobId take(engine::Job job, std::shared_ptr<engine::TokenSink> sink) {
    return take_in(engine::make_sequence(std::move(job), std::move(sink), runner_.limits(), options_));
  }
  // All answers to a job of several; the last one has the id last_id().
  std::vector<std::shared_ptr<RecordingSink>> add_all(engine::Job job) {
    std::vector<std::shared_ptr<RecordingSink>> sinks;
    for (uint32_t i = 0; i < job.answers; ++i) sinks.push_back(std::make_shared<RecordingSink>());
    take_in(engine::make_sequence(std::move(job), {sinks.begin(), sinks.end()}, runner_.limits(), options_));
    return sinks;
  }
  JobId last_id() const { return last_id_; }
  void run() {
    while (core.step()) core.check();
  }
  // While it runs or waits.
  const engine::Sequence* find(JobId id) const {
    for (const auto list : {core.scheduler().running(), core.scheduler().waiting()})
      for (const auto& sequence : list)
        if (sequence->id == id) return sequence.get();
    return nullptr;
  }

 private:
  JobId take_in(std::unique_ptr<engine::Sequence> sequence) {
    sequence->take_ids(last_id_ + 1);
    const JobId first = sequence->id;
    last_id_ += sequence->answers();
    core.add(std::move(sequence));
    return first;
  }

  model::Runner& runner_;
  const engine::EngineOptions options_;
  JobId last_id_ = 0;
};

// Of equal tokens.
inline engine::Job greedy(size_t prompt, uint32_t tokens_max) {
  engine::Job job;
  job.prompt.assign(prompt, 1);
  job.tokens_max = tokens_max;
  job.sampling.temperature = 0;
  return job;
}

}  // namespace gantry::sim
