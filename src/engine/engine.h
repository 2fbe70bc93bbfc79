// Continuous batching over one model: jobs in, token events out. One thread of its own, sole owner of
// scheduler, pages and sequences; submit() and cancel() may be called from any thread and never block.
//
// Must hold: one answer bit for bit at any load (contract E); every queue bounded (L1); a cancelled job's
// pages are free within one step (L2); no running sequence waits longer than one step's budget for another's
// prefill (L3); when pages run out, the youngest sequences are preempted and go on later with the same tokens
// (M3).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "engine/job.h"
#include "model/runner.h"

namespace gantry::engine {

struct EngineOptions {
  uint32_t queue_max = 256;  // jobs waiting for admission; one more is Error kBusy
  uint32_t step_rows = 0;    // tokens in one step; 0: what the runner allows
  bool prefix_cache = true;  // share pages of equal beginnings, keep them while there is room
};

struct EngineStats {
  uint64_t steps = 0, rows = 0, prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
  uint64_t jobs_done = 0, jobs_cancelled = 0, jobs_failed = 0, jobs_refused = 0, preemptions = 0;
  uint32_t running = 0, waiting = 0;
  uint32_t pages_free = 0, pages_cached = 0, pages = 0;
};

class Engine {
 public:
  // The runner outlives the engine. Starts the thread.
  static std::unique_ptr<Engine> start(model::Runner& runner, const EngineOptions& options = {});
  // Stops at once: what runs is finished with kCancelled.
  virtual ~Engine() = default;

  // Refused at once: Error kInvalidRequest (empty prompt, token out of range, too long for the context),
  // kTooLarge (can never fit the pages, with the arithmetic), kBusy (queue full), kShuttingDown, kDevice (the
  // model's device has failed).
  virtual JobId submit(Job job) = 0;
  // Takes effect within one step; the sink gets kCancelled. Unknown or finished ids are ignored.
  virtual void cancel(JobId job) = 0;
  // No new jobs; waits until the running ones are done, at most `limit`, then cancels the rest. True when
  // none was cut.
  virtual bool drain(std::chrono::milliseconds limit) = 0;

  virtual EngineStats stats() const = 0;
  virtual const model::RunnerLimits& limits() const = 0;
  virtual uint32_t queue_max() const = 0;  // EngineOptions' own
};

}  // namespace gantry::engine
