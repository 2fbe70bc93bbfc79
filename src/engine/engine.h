// Continuous batching over one model: jobs in, token events out. One thread of its own, sole owner of
// scheduler, pages and sequences; submit() and cancel() may be called from any thread and never block.
//
// Must hold: one answer bit for bit at any load (contract E); every queue bounded (L1); a cancelled job's
// pages are free within one step (L2); no running sequence waits longer than one step's budget for another's
// prefill (L3); when pages run out, those that came last are preempted and go on later with the same tokens
// (M3); a job past its deadline ends within one step.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/draft_source.h"
#include "engine/job.h"
#include "model/runner.h"
#include "sample/logit_stage.h"

namespace gantry::engine {

using Clock = std::chrono::steady_clock;

// What holds an answer to a grammar; none for a kind that it does not know. Error kInvalidRequest for a text
// that is none of its kind. Called on the submitter's thread.
using StageFactory =
    std::function<std::unique_ptr<sample::LogitStage>(const Grammar& grammar, uint32_t vocab)>;

struct EngineOptions {
  uint32_t queue_max = 256;                // answers of one client that wait; one more is Error kBusy
  uint32_t step_rows = 0;                  // tokens in one step; 0: what the runner allows
  std::chrono::milliseconds step_time{0};  // about as long a step may take; 0: as long as it likes
  std::chrono::milliseconds gap{0};        // while answers are written; 0: as step_budget.h chooses
  bool warm_up = false;                    // EngineCore::warm_up() at start
  bool prefix_cache = true;                // share pages of equal beginnings, keep them while there is room
  StageFactory make_stage = {};            // none: no job may have a grammar
  DraftSource* drafts = nullptr;           // outlives the engine; none: nothing is guessed
  Clock::time_point (*clock)() = Clock::now;
};

// Answers of all clients that may wait for admission: so that one client who fills his queue is not the only
// one.
inline uint32_t waiting_max(const EngineOptions& options) {
  constexpr uint32_t kClients = 4;
  return kClients * options.queue_max;
}

struct EngineStats {
  uint64_t steps = 0, rows = 0, prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
  uint64_t jobs_done = 0, jobs_cancelled = 0, jobs_failed = 0, jobs_refused = 0, preemptions = 0;
  uint32_t running = 0, waiting = 0;
  uint32_t pages_free = 0, pages_cached = 0, pages = 0;
  uint32_t pages_cached_far = 0;    // beyond the device
  uint64_t fetched = 0;             // pages and states brought back from there
  double decode_seconds = 0;        // of a step that writes one answer, as estimated; 0: nothing is known yet
  double gap_seconds = 0;           // that it may become where a prompt is read beside it
  double row_seconds = 0;           // of a prompt's token
  double seconds_per_end = 0;       // between answers that end, while there is work
  uint64_t prompt_tokens_left = 0;  // of prompts that are being read
  uint32_t places = 0;              // answers that run at once, at most
};

// Of a job that is about to be submitted.
struct Outlook {
  uint32_t ahead = 0;  // answers that are admitted before
  double seconds = 0;  // until its first token, as estimated
};

class Engine {
 public:
  // The runner outlives the engine. Starts the thread. Error kDevice where the warm-up fails.
  static std::unique_ptr<Engine> start(model::Runner& runner, const EngineOptions& options = {});
  // Stops at once: what runs is finished with kCancelled.
  virtual ~Engine() = default;

  // Refused at once: what check_job() (job_check.h) refuses, Error kUnsupported (a grammar of an unknown
  // kind), Busy (queue full, or its first token would come later than it may; outlook.h), kShuttingDown,
  // kDevice (the model's device has failed). Each answer has a sink and an id of its own; the ids follow each
  // other, the first is returned. All of them are taken or none.
  virtual JobId submit(Job job, std::vector<std::shared_ptr<TokenSink>> sinks) = 0;
  JobId submit(Job job, std::shared_ptr<TokenSink> sink) {
    std::vector<std::shared_ptr<TokenSink>> sinks;
    sinks.push_back(std::move(sink));
    return submit(std::move(job), std::move(sinks));
  }
  // Takes effect within one step; the sink gets kCancelled. Unknown or finished ids are ignored.
  virtual void cancel(JobId job) = 0;
  // No new jobs; waits until the running ones are done, at most `limit`, then cancels the rest. True when
  // none was cut.
  virtual bool drain(std::chrono::milliseconds limit) = 0;

  virtual Outlook outlook(uint64_t client, uint64_t prompt_tokens) const = 0;
  virtual EngineStats stats() const = 0;
  virtual const model::RunnerLimits& limits() const = 0;
  virtual uint32_t queue_max() const = 0;  // EngineOptions' own
};

}  // namespace gantry::engine
