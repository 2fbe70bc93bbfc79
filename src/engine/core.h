// The engine without its thread: takes sequences in, runs one step at a time, tells the sinks. All of it on
// one thread, so that tests can drive it step by step; engine.cc puts a thread and an inbox around it.
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
#include "kv/sequence_memory.h"
#include "model/runner.h"
#include "sample/sampler.h"

namespace gantry::engine {

class EngineCore {
 public:
  // The runner outlives the core. hash_mask: see kv::PrefixIndex.
  EngineCore(model::Runner& runner, const EngineOptions& options, uint64_t hash_mask = ~uint64_t{0});

  // Finishes at once with the device's error when that has failed.
  void add(std::unique_ptr<Sequence> sequence);
  // Drops what was cancelled or is late, then computes one batch. False when nothing was left to compute.
  bool step();
  // Finishes everything with kCancelled.
  void cancel_all();

  bool idle() const { return scheduler_.running().empty() && scheduler_.waiting().empty(); }
  // Set once the device has failed.
  const std::shared_ptr<const Error>& failure() const { return failure_; }
  // Jobs that have finished since the last forget_finished().
  std::span<const JobId> finished() const { return finished_; }
  void forget_finished() { finished_.clear(); }
  EngineStats stats() const;

  const Scheduler& scheduler() const { return scheduler_; }
  const kv::SequenceMemory& memory() const { return memory_; }
  // Everything that must hold between two steps. For tests.
  void check() const;

 private:
  void drop_unwanted();
  void build_batch();
  void append_rows(Sequence& sequence);
  bool run_batch();
  void commit_rows();
  void take_token(Sequence& sequence, std::span<float> logits);
  FinishReason reason_after(const Sequence& sequence, TokenId token) const;
  bool tell(const Sequence& sequence, TokenEvent& event);
  void finish(Sequence* sequence, FinishReason reason, std::shared_ptr<const Error> error = nullptr);
  void forget(Sequence* sequence, FinishReason reason);
  void fail(Error error);

  model::Runner& runner_;
  const model::RunnerLimits limits_;
  const uint32_t step_rows_, running_max_;
  Clock::time_point (*const clock_)();
  kv::SequenceMemory memory_;
  Scheduler scheduler_;
  sample::Sampler sampler_;
  EngineStats stats_;
  std::shared_ptr<const Error> failure_;
  const std::shared_ptr<const Error> late_;  // why a job past its deadline ends
  std::vector<JobId> finished_;

  // The batch of one step.
  std::vector<Sequence*> stepping_;  // in the order of their rows
  std::vector<TokenId> tokens_;      // [rows]
  std::vector<int32_t> positions_;   // [rows]
  std::vector<int32_t> slots_;       // [rows]
  std::vector<int32_t> logit_rows_;  // [logit rows]
  std::vector<float> logits_;        // [running_max, vocab]
  std::vector<uint64_t> allowed_;    // [mask_words(vocab)]
};

}  // namespace gantry::engine
