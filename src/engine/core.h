// The engine without its thread: takes sequences in, runs one step at a time, tells the sinks. All of it on
// one thread, so that tests can drive it step by step; engine.cc puts a thread and an inbox around it.
//
// While the runner computes a step, the next one is prepared: who takes part, which pages they get. A
// sequence whose token is still on its way is taken to go on. When the step has landed, the tokens are filled
// in, those that ended are left out, the next step is launched, and only then the sinks are told. Bookkeeping
// of a step is done at its launch: whatever the device does later comes after it.
//
// Owns sequences, scheduler, sequence memory and the arrays of the batch, all allocated at construction: a
// step allocates nothing and no request can make it throw (F4). A failed device fails it for good (D2).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "engine/step.h"
#include "engine/step_budget.h"
#include "kv/sequence_memory.h"
#include "model/runner.h"

namespace gantry::engine {

class EngineCore {
 public:
  // The runner outlives the core. hash_mask: see kv::PrefixIndex.
  EngineCore(model::Runner& runner, const EngineOptions& options, uint64_t hash_mask = ~uint64_t{0});
  ~EngineCore();
  EngineCore(const EngineCore&) = delete;
  EngineCore& operator=(const EngineCore&) = delete;

  // Finishes at once with the device's error when that has failed.
  void add(std::unique_ptr<Sequence> sequence);
  // Drops what was cancelled or is late, prepares a step, lands the one under way, launches the new one,
  // tells what the landed one gave. False when nothing was under way nor left to compute.
  bool step();
  // A short answer that nobody hears, before any job: the first one finds nothing cold, and it is known what
  // a step takes. Throws the device's error.
  void warm_up();
  // Finishes everything with kCancelled.
  void cancel_all();

  bool idle() const { return !under_way_ && scheduler_.running().empty() && scheduler_.waiting().empty(); }
  // Set once the device has failed.
  const std::shared_ptr<const Error>& failure() const { return failure_; }
  // Jobs that have finished since the last forget_finished().
  std::span<const JobId> finished() const { return finished_; }
  void forget_finished() { finished_.clear(); }
  EngineStats stats() const;
  // Adds the client of each answer that waits for admission.
  void list_waiting(std::vector<uint64_t>& clients) const;

  const Scheduler& scheduler() const { return scheduler_; }
  const kv::SequenceMemory& memory() const { return memory_; }
  // Everything that must hold between two steps. For tests.
  void check() const;

 private:
  // What a sink will be told once the next step is launched.
  struct Word {
    Sequence* sequence = nullptr;
    std::unique_ptr<Sequence> ended;  // it, if that was its last word
    TokenEvent event;
  };

  // Why a sequence must end, if it must.
  struct Verdict {
    FinishReason reason = FinishReason::kNone;
    std::shared_ptr<const Error> error = nullptr;
  };
  Verdict verdict_on(const Sequence& sequence, Clock::time_point now) const;
  void drop_unwanted();
  void prepare();
  bool land();
  bool launch();
  void branch();
  void note_written(const Step::Part& part);
  void tell_words();
  void take_result(const Step::Part& part, Clock::time_point now, model::Outputs& left);
  bool take_token(Sequence& sequence, const sample::Pick& pick);
  void take_back_guesses(Sequence& sequence);
  void take_embedding(Sequence& sequence, std::span<const float> values);
  void say(Sequence& sequence, TokenEvent&& event);
  void end(Sequence& sequence, FinishReason reason, std::shared_ptr<const Error> error = nullptr);
  FinishReason reason_after(const Sequence& sequence, TokenId token) const;
  bool tell(const Sequence& sequence, TokenEvent& event);
  void finish(Sequence* sequence, FinishReason reason, std::shared_ptr<const Error> error = nullptr);
  void tell_end(const Sequence& sequence, FinishReason reason, std::shared_ptr<const Error> error);
  void count(const Sequence& sequence, FinishReason reason);
  std::unique_ptr<Sequence> take_out(Sequence* sequence);
  void finish_all(FinishReason reason, const std::shared_ptr<const Error>& error);
  void fail(Error error);

  model::Runner& runner_;
  const model::RunnerLimits limits_;
  const uint32_t step_rows_, running_max_;
  Clock::time_point (*const clock_)();
  kv::SequenceMemory memory_;
  Scheduler scheduler_;
  std::vector<std::unique_ptr<Sequence>> leaving_;  // their last word is on its way, their pages are free
  Step step_;                                       // under way, or being put together
  StepBudget budget_;
  Clock::time_point launched_at_;       // of the step under way
  double since_end_ = 0, per_end_ = 0;  // seconds of steps: since an answer ended, and usually between two
  uint32_t ends_ = 0;
  bool under_way_ = false, prepared_ = false;
  std::vector<Word> words_;  // [logit_rows_max]
  EngineStats stats_;
  std::shared_ptr<const Error> failure_;
  const std::shared_ptr<const Error> late_;  // why a job past its deadline ends
  std::vector<JobId> finished_;
};

}  // namespace gantry::engine
